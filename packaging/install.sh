#!/bin/sh
# Installs or upgrades the Atalaya agent on a box, without a network. docs/install.md tells the whole.
#
#   ./install.sh [--key PUBLIC.pem] [--system-packages]
#
# Each release has a folder of its own under /opt/atalaya/releases; /opt/atalaya/current points at the one in use, and
# is moved in one step, after the new release has shown that it runs and takes this box's settings. What the box is and
# holds is never touched: /etc/atalaya (settings, identity) and /var/lib/atalaya-agent (outbox).
set -eu
umask 022

USER_NAME=atalaya-agent
PREFIX=/opt/atalaya
ETC=/etc/atalaya
STATE=/var/lib/atalaya-agent
UNIT=/etc/systemd/system/atalaya-agent.service
COMMAND=/usr/local/bin/edge-agent

case ${LC_ALL:-${LC_MESSAGES:-${LANG:-}}} in es*) SPANISH=1 ;; *) SPANISH=0 ;; esac
say() { if [ "$SPANISH" = 1 ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi; }
fail() { say "install: $1" "install: $2" >&2; exit 1; }

KEY= SYSTEM_PACKAGES=0
while [ $# -gt 0 ]; do
    case $1 in
        --key) [ $# -ge 2 ] || fail "--key needs a file" "--key necesita un archivo"; KEY=$2; shift 2 ;;
        --system-packages) SYSTEM_PACKAGES=1; shift ;;
        *) fail "unknown option $1; see the head of this file" "opción desconocida $1; vea el inicio de este archivo" ;;
    esac
done
if [ -n "$KEY" ]; then KEY=$(readlink -f "$KEY"); fi
cd "$(dirname "$(readlink -f "$0")")"
RELEASE=$(cat RELEASE)

check_bundle() {
    if [ -n "$KEY" ]; then
        openssl pkeyutl -verify -rawin -pubin -inkey "$KEY" -sigfile SHA256SUMS.sig -in SHA256SUMS >/dev/null 2>&1 ||
            fail "SHA256SUMS is not signed by $KEY; do not install this bundle" \
                 "SHA256SUMS no está firmado por $KEY; no instale este paquete"
    fi
    sha256sum --quiet --strict -c SHA256SUMS >/dev/null 2>&1 ||
        fail "files of the bundle are damaged; copy it again" "el paquete está dañado; cópielo de nuevo"
}

check_machine() {
    [ "$(id -u)" = 0 ] || fail "run it as root: sudo ./install.sh" "ejecútelo como root: sudo ./install.sh"
    [ "$(uname -m)" = "$(cat MACHINE)" ] ||
        fail "this bundle is for $(cat MACHINE), the box is $(uname -m)" "este paquete es para $(cat MACHINE) y el equipo es $(uname -m)"
}

has_python() {
    command -v python3 >/dev/null 2>&1 && [ "$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$(cat PYTHON)" ]
}

has_tpm() { [ -e /dev/tpmrm0 ]; }

has_tpm_libraries() {
    [ -n "$(find /usr/lib -name 'libtss2-esys.so.0' 2>/dev/null)" ] && [ -n "$(find /usr/lib -name tpm2.so -path '*ossl-modules*' 2>/dev/null)" ]
}

provide_system_packages() {
    if has_python && { ! has_tpm || has_tpm_libraries; } && [ "$SYSTEM_PACKAGES" = 0 ]; then return; fi
    if [ ! -d debs ]; then
        has_python || fail "Python $(cat PYTHON) is missing, and this bundle brings no Debian packages" \
                           "falta Python $(cat PYTHON), y este paquete no trae paquetes de Debian"
        say "The TPM's libraries are missing (libtss2, tpm2-openssl): this box's key would be a file" \
            "Faltan las bibliotecas del TPM (libtss2, tpm2-openssl): la llave del equipo sería un archivo"
        return
    fi
    say "Installing Debian's packages for Python and the TPM from the bundle" \
        "Instalando del paquete los paquetes de Debian para Python y el TPM"
    lacking=
    for deb in debs/*.deb; do
        installed=$(dpkg-query --show --showformat='${Version}' "$(dpkg-deb --field "$deb" Package)" 2>/dev/null || true)
        if [ -z "$installed" ] || dpkg --compare-versions "$installed" lt "$(dpkg-deb --field "$deb" Version)"; then
            lacking="$lacking ./$deb"
        fi
    done
    # apt for their order; it has nothing to fetch. The list is split on purpose: no name holds a space.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends \
        -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null install $lacking \
        >debs.log 2>&1 || { cat debs.log >&2; fail "apt refused them; see above" "apt no los aceptó; vea arriba"; }
    rm -f debs.log
    has_python || fail "still no Python $(cat PYTHON)" "aún falta Python $(cat PYTHON)"
}

make_account() {
    getent passwd "$USER_NAME" >/dev/null ||
        useradd --system --user-group --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin "$USER_NAME"
    for group in tss render video gpio; do  # the TPM, the GPU's devices, the panic button's lines
        if getent group "$group" >/dev/null; then usermod --append --groups "$group" "$USER_NAME"; fi
    done
    install -d -m 0750 -o "$USER_NAME" -g "$USER_NAME" "$ETC"
    install -d -m 0700 -o "$USER_NAME" -g "$USER_NAME" "$ETC/identity" "$STATE"
    if [ ! -e "$ETC/agent.toml" ]; then install -m 0640 -o "$USER_NAME" -g "$USER_NAME" agent.toml "$ETC/agent.toml"; fi
}

unpack_release() {
    NEW=$PREFIX/releases/$RELEASE
    if [ -e "$NEW/complete" ]; then return; fi
    say "Unpacking release $RELEASE" "Desempacando la versión $RELEASE"
    rm -rf "$NEW"
    install -d -m 0755 "$NEW"
    python3 -m venv --without-pip "$NEW/venv"
    pip=$(echo wheels/pip-*.whl)/pip  # a wheel runs as it is
    "$NEW/venv/bin/python" "$pip" --quiet --disable-pip-version-check --no-cache-dir install \
        --no-index --find-links wheels --no-deps --require-hashes -r wheels.txt
    cp -R models docs "$NEW/"
    touch "$NEW/complete"
}

try_release() {
    "$NEW/venv/bin/edge-agent" --version >/dev/null ||
        fail "release $RELEASE does not run on this box; the one in use goes on" \
             "la versión $RELEASE no corre en este equipo; la actual sigue en uso"
    as_agent "$NEW/venv/bin/edge-agent" config check --config "$ETC/agent.toml" >/dev/null ||
        fail "release $RELEASE does not take $ETC/agent.toml (above); the one in use goes on" \
             "la versión $RELEASE no acepta $ETC/agent.toml (arriba); la actual sigue en uso"
}

as_agent() { setpriv --reuid="$USER_NAME" --regid="$USER_NAME" --init-groups "$@"; }

switch_over() {
    PREVIOUS=$(readlink "$PREFIX/current" 2>/dev/null || true)
    ln -sfn "releases/$RELEASE" "$PREFIX/current.new"
    mv -T "$PREFIX/current.new" "$PREFIX/current"
    ln -sfn current/venv "$PREFIX/.venv"
    ln -sfn current/docs "$PREFIX/docs"
    install -d /usr/share/atalaya
    ln -sfn "$PREFIX/current/models" /usr/share/atalaya/models
    install -m 0755 edge-agent "$COMMAND"
    install -m 0755 uninstall.sh "$PREFIX/uninstall.sh"
    install -m 0644 atalaya-agent.service "$UNIT"
    for old in "$PREFIX"/releases/*; do  # the last one stays, to go back to
        case releases/$(basename "$old") in "releases/$RELEASE" | "$PREVIOUS") ;; *) rm -rf "$old" ;; esac
    done
}

start_service() {
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl enable --quiet atalaya-agent
        if [ -e "$ETC/identity/device.crt.pem" ]; then systemctl restart atalaya-agent; fi
    else  # an image that is being made: it starts with the box
        install -d /etc/systemd/system/multi-user.target.wants
        ln -sfn "$UNIT" /etc/systemd/system/multi-user.target.wants/atalaya-agent.service
    fi
}

check_machine
check_bundle
provide_system_packages
make_account
unpack_release
try_release
switch_over
start_service
say "Release $RELEASE is installed." "La versión $RELEASE quedó instalada."
if [ ! -e "$ETC/identity/device.crt.pem" ]; then
    say "Next: edge-agent enroll, with the token from the command centre" \
        "Siguiente: edge-agent enroll, con la clave que da el centro de mando"
fi
