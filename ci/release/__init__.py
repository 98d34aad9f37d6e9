"""Release as commands: the same for a person, GitHub Actions and GitLab CI.

Each is `python -m ci.release <command>` and a verb of the Makefile. What fails ends with one line `error: …`
on standard error and exit code 1; a command line that makes no sense ends with 2.

    build    [--output FOLDER]                    make build     image, SBOM, provenance; once per version
    scan     [--version V] [--output FILE] [--require]
                                                  make scan      known vulnerabilities, or "not scanned"
    preview  STACK [--output FILE.md]             make preview   what would change, policies, cost difference
    ship     STACK [--image REF | --version V]    make release   migrate, test, admit, smoke-test, warm up
    promote  SOURCE TARGET                        make promote   what serves in one, to another: same digest
    rollback STACK [--version V]                  make rollback  the version before; never undoes schema
    live     STACK [--json]                       make live      version, digest, commit, who and when
    log      STACK [--json]                       make releases  the audit log
    expire   [--dry-run]                          make expire    remove previews past their time to live

Two releases of one stack never run at once: the second ends with the first one's name.
"""
