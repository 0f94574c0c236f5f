#!/bin/sh
# Takes the Atalaya agent off a box, and says what it leaves. `--purge` leaves nothing.
set -eu

USER_NAME=atalaya-agent
PREFIX=/opt/atalaya
ETC=/etc/atalaya
STATE=/var/lib/atalaya-agent

case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in es*) SPANISH=1 ;; *) SPANISH=0 ;; esac
say() { if [ "$SPANISH" = 1 ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi; }

PURGE=0
case ${1:-} in
    '') ;;
    --purge) PURGE=1 ;;
    *) say "uninstall: unknown option $1; only --purge" "uninstall: opción desconocida $1; solo --purge" >&2; exit 1 ;;
esac
[ "$(id -u)" = 0 ] || { say "uninstall: run it as root" "uninstall: ejecútelo como root" >&2; exit 1; }

if [ -d /run/systemd/system ]; then systemctl disable --quiet --now atalaya-agent || true; fi
rm -f /etc/systemd/system/atalaya-agent.service /etc/systemd/system/multi-user.target.wants/atalaya-agent.service
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
rm -f /usr/local/bin/edge-agent
if [ -L /usr/share/atalaya/models ]; then rm -f /usr/share/atalaya/models; fi
rmdir /usr/share/atalaya 2>/dev/null || true
rm -rf "$PREFIX/releases" "$PREFIX/current" "$PREFIX/.venv" "$PREFIX/docs" "$PREFIX/uninstall.sh"
rmdir "$PREFIX" 2>/dev/null || true

if [ "$PURGE" = 1 ]; then
    rm -rf "$ETC" "$STATE" "/etc/systemd/system/atalaya-agent.service.d"
    if getent passwd "$USER_NAME" >/dev/null; then userdel "$USER_NAME"; fi
    say "Nothing is left. Its certificate still counts until it is revoked: aggregator device revoke" \
        "No queda nada. Su certificado sigue valiendo hasta que se revoque: aggregator device revoke"
else
    say "Left as they are:" "Se dejan como están:"
    say "  $ETC            settings, the box's key and certificates, sealed passwords" \
        "  $ETC            ajustes, llave y certificados del equipo, contraseñas selladas"
    say "  $STATE   messages that were not receipted, the sealed hotlist if there is one" \
        "  $STATE   mensajes sin acuse de recibo, la lista sellada si la hay"
    say "  the account $USER_NAME; Debian's packages" "  la cuenta $USER_NAME; los paquetes de Debian"
    say "An installation later goes on where this one stopped. --purge removes these as well." \
        "Una instalación posterior sigue donde esta quedó. --purge los quita también."
fi
