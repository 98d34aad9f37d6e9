"""The linter of migrations: refuses what would lock a busy store or break the version still serving."""
