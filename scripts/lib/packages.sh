# What Causeway needs of Debian 12, and nothing that is there already. Sourced after common.sh.

packages_build="g++-12 cmake ninja-build ccache pkg-config libboost1.81-dev libboost-json1.81-dev
    libcli11-dev libtomlplusplus-dev libfmt-dev libssl-dev libgnutls28-dev libsqlite3-dev libcap2-bin"

packages_test="$packages_build clang-19 lld-19 libclang-rt-19-dev clang-format-19 libgtest-dev
    python3 tshark libcoap3-bin iproute2 iputils-ping util-linux procps
    mosquitto mosquitto-clients python3-paho-mqtt openssl
    mbpoll libmodbus-dev python3-pymodbus python3-serial socat"
# npm of another origin than Debian's will do, and cannot stand beside it.
command -v npm >/dev/null || packages_test+=" nodejs npm"

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

# Names without a candidate: the lists were never fetched, or this is another Debian.
unknown_packages() {
    local package
    for package in "$@"; do
        apt-cache policy "$package" 2>/dev/null | grep -E 'Candidate: [^(]' >/dev/null ||
            printf '%s\n' "$package"
    done
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -qq \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@"
}

apt_install() { apt install --no-install-recommends -y "$@" </dev/null; }

# bootstrap build|test
bootstrap() {
    local wanted missing log
    case $1 in
        build) wanted=$packages_build ;;
        test) wanted=$packages_test ;;
        *) die "no package set called $1" ;;
    esac
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "This is not a Debian. Going on with what is installed; Debian 12 would need:"
        say "   " $wanted
        return 0
    fi
    mapfile -t missing < <(missing_packages $wanted)
    [ ${#missing[@]} -gt 0 ] || return 0

    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        say "Packages are missing, and there is no sudo. As root:"
        die "    apt-get install --no-install-recommends ${missing[*]}"
    fi
    say "Installing what is missing: ${missing[*]}"
    mkdir -p build
    log=build/packages-$1.log
    if [ -n "$(unknown_packages "${missing[@]}")" ]; then
        say "Fetching the package lists"
        apt update >"$log" 2>&1 || say "apt-get update had trouble; trying all the same"
    fi
    if ! apt_install "${missing[@]}" >>"$log" 2>&1; then
        # The lists may be older than the archive.
        apt update >>"$log" 2>&1 || true
        if ! apt_install "${missing[@]}" >>"$log" 2>&1; then
            tail -n 20 "$log" >&2
            die "Not installed: $(missing_packages "${missing[@]}" | tr '\n' ' ')(see $log)"
        fi
    fi
    mapfile -t missing < <(missing_packages "${missing[@]}")
    [ ${#missing[@]} -eq 0 ] || die "Still missing: ${missing[*]} (see $log)"
}
