#!/bin/sh
# Turns a fresh minimal Debian system ($1) into what the official slim image is: archives for updates and
# security beside the main one, no caches and no manuals.
set -eu
root=$1
sources=$root/etc/apt/sources.list
main=$(grep -m1 '^deb ' "$sources" 2>/dev/null || true)
if [ -n "$main" ] && ! grep -q -- '-security' "$sources"; then
  # "deb [options] <mirror> <suite> main": the mirror and the suite stand before the components.
  mirror=$(printf '%s\n' "$main" | sed -E 's/^deb +(\[[^]]*\] +)?([^ ]+) .*/\2/; s#/+$##')
  suite=$(printf '%s\n' "$main" | sed -E 's/^deb +(\[[^]]*\] +)?[^ ]+ +([^ ]+) .*/\2/')
  printf 'deb %s %s main\ndeb %s %s-updates main\ndeb %s-security %s-security main\n' \
    "$mirror" "$suite" "$mirror" "$suite" "$mirror" "$suite" >"$sources"
fi
mkdir -p "$root/etc/dpkg/dpkg.cfg.d" "$root/etc/apt/apt.conf.d"
printf '%s\n' 'path-exclude /usr/share/man/*' 'path-exclude /usr/share/doc/*' \
  'path-include /usr/share/doc/*/copyright' 'path-exclude /usr/share/locale/*' >"$root/etc/dpkg/dpkg.cfg.d/slim"
printf 'Acquire::Languages "none";\n' >"$root/etc/apt/apt.conf.d/slim"
find "$root/usr/share/doc" -type f ! -name copyright -delete
rm -rf "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/var/cache/apt/archives/*.deb \
  "$root"/var/lib/apt/lists/* "$root"/var/log/*.log
