"""A broker for a test, in a network of the test's own: the program under test or, with --server
mosquitto, Debian's mosquitto, which shows that a test asks for what is usual and not for what only
we do."""
import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

import harness
from harness import Running, check, eventually, own_network

KIND = "mosquitto" if "mosquitto" in sys.argv[1:] else "causeway"
OURS = KIND == "causeway"
HOST = "127.0.0.1"


def with_paho():
    harness.with_debian_python("paho", "python3-paho-mqtt")


class Certificates:
    """An authority, a server's certificate for 127.0.0.1 and one for a client called alice."""
    def __init__(self, folder):
        self.folder = folder / "certificates"
        self.folder.mkdir()
        self.ca, self.ca_key = self._self_signed("ca", "/CN=a test's authority")
        self.certificate, self.key = self._signed("server", "/CN=localhost",
                                                  "subjectAltName=IP:127.0.0.1,DNS:localhost")
        self.client, self.client_key = self._signed("client", "/CN=alice",
                                                    "extendedKeyUsage=clientAuth")

    def _openssl(self, *argv):
        subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True, timeout=60)

    def _key(self, name):
        return [
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            self.folder / f"{name}.key"
        ]

    def _self_signed(self, name, subject):
        self._openssl("req", "-x509", *self._key(name), "-out", self.folder / f"{name}.pem",
                      "-subj", subject, "-days", "2")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def _signed(self, name, subject, extension):
        request, more = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        more.write_text(extension + "\n")
        self._openssl("req", *self._key(name), "-out", request, "-subj", subject)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key,
                      "-CAcreateserial", "-days", "2", "-extfile", more, "-out",
                      self.folder / f"{name}.pem")
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def context(self):
        return ssl.create_default_context(cafile=self.ca)


class Listener:
    """Where a broker is reached. `psk` are {identity: hexadecimal key}."""
    def __init__(self,
                 port=None,
                 unix=None,
                 tls=None,
                 websocket=False,
                 client_certificates=False,
                 psk=None,
                 proxy=False,
                 anonymous=True):
        self.port, self.unix, self.tls, self.websocket = port, unix, tls, websocket
        self.client_certificates, self.psk, self.proxy = client_certificates, psk, proxy
        self.anonymous = anonymous

    @property
    def where(self):
        return f"unix:{self.unix}" if self.unix else f"{HOST}:{self.port}"


class Broker:
    """`passwords` are {user: password}, `access` an ACL file's text, `bridges` [(port, [(filter,
    direction, qos, local prefix, remote prefix)])], `limits` more keys of [mqtt]."""
    def __init__(self,
                 folder,
                 listeners=None,
                 passwords=None,
                 access=None,
                 bridges=(),
                 limits=None,
                 more="",
                 management=None,
                 name="broker",
                 kind=None,
                 persistent=True,
                 anonymous=True,
                 runner=(),
                 state=None):
        self.folder, self.name, self.kind = folder / name, name, kind or KIND
        self.folder.mkdir(exist_ok=True)
        self.state = state or self.folder / "state"
        self.state.mkdir(exist_ok=True)
        self.listeners = listeners or [Listener(1883, anonymous=anonymous)]
        self.passwords, self.access, self.bridges = passwords, access, bridges
        self.limits, self.more = limits or {}, more
        self.management, self.persistent = management, persistent
        self.token = "a-test-and-nothing-else"
        self.anonymous, self.runner, self.run, self.argv = anonymous, list(runner), None, None
        if passwords is not None:
            self.write_passwords(passwords)
        if access is not None:
            self.write_access(access)
        self.write()

    # ---- files
    def write_passwords(self, passwords):
        file = self.folder / "passwords"
        file.unlink(missing_ok=True)
        file.touch()
        tool = ["mosquitto_passwd"
                ] if self.kind == "mosquitto" else [harness.causeway(), "mqtt", "passwd"]
        for user, password in passwords.items():
            done = subprocess.run([*tool, "-b", file, user, password],
                                  capture_output=True,
                                  text=True,
                                  timeout=60)
            check(done.returncode == 0, f"{tool}: {done.stdout}{done.stderr}")

    def write_access(self, text):
        (self.folder / "access").write_text(text)

    def write(self):
        if self.kind == "mosquitto":
            file = self.folder / "mosquitto.conf"
            file.write_text("\n".join(self._mosquitto()) + "\n")
            self.argv = ["mosquitto", "-c", file]
        else:
            file = self.folder / "broker.toml"
            file.write_text("\n".join(self._site()) + "\n")
            self.argv = [harness.causeway(), "run", file]

    def _site(self):
        quoted = json.dumps
        yield 'name = "a-test"'
        yield f"state = {quoted(str(self.state))}"
        yield "[mqtt]"
        yield f"persistence = {quoted(self.persistent)}"
        for key, value in {"sys_interval": "1s", **self.limits}.items():
            yield f"{key} = {quoted(value)}"
        if self.passwords is not None:
            yield f"passwords = {quoted(str(self.folder / 'passwords'))}"
        if self.access is not None:
            yield f"access = {quoted(str(self.folder / 'access'))}"
        for number, listener in enumerate(self.listeners):
            yield "[[mqtt.listener]]"
            yield f'name = "listener-{number}"'
            yield f"listen = {quoted(listener.where)}"
            yield f"anonymous = {quoted(listener.anonymous)}"
            if listener.websocket:
                yield "websocket = true"
            if listener.proxy:
                yield "proxy_protocol = true"
            if listener.tls:
                yield f"certificate = {quoted(str(listener.tls.certificate))}"
                yield f"key = {quoted(str(listener.tls.key))}"
            if listener.client_certificates:
                yield f"client_ca = {quoted(str(listener.tls.ca))}"
                yield "client_certificate_required = true"
            if listener.psk:
                yield f"psk_file = {quoted(str(self._psk(number, listener)))}"
        for number, (port, topics) in enumerate(self.bridges):
            yield f'[[mqtt.bridge]]\nname = "bridge-{number}"\nkeep_alive = "5s"'
            yield f'remote = "{HOST}:{port}"'
            for name, direction, qos, local, remote in topics:
                yield (f"[[mqtt.bridge.topic]]\nfilter = {quoted(name)}\nqos = {qos}\n"
                       f"direction = {quoted(direction)}")
                if local:
                    yield f"local_prefix = {quoted(local)}"
                if remote:
                    yield f"remote_prefix = {quoted(remote)}"
        if self.management:
            (self.folder / "token").write_text(self.token + "\n")
            (self.folder / "token").chmod(0o600)
            yield (f'[management]\nlisten = "{HOST}:{self.management}"\n'
                   f"token_file = {quoted(str(self.folder / 'token'))}")
        yield self.more

    def _mosquitto(self):
        yield "user root\nper_listener_settings true\nsys_interval 1"
        if self.persistent:
            yield f"persistence true\npersistence_location {self.state}/"
        for number, listener in enumerate(self.listeners):
            where = f"0 {listener.unix}" if listener.unix else f"{listener.port} {HOST}"
            yield f"listener {where}"
            yield f"allow_anonymous {'true' if listener.anonymous else 'false'}"
            if listener.websocket:
                yield "protocol websockets"
            if listener.tls:
                yield (f"cafile {listener.tls.ca}\ncertfile {listener.tls.certificate}\n"
                       f"keyfile {listener.tls.key}")
            if listener.client_certificates:
                yield "require_certificate true\nuse_identity_as_username true"
            if listener.psk:
                yield f"psk_file {self._psk(number, listener)}\npsk_hint a-test"
                yield "use_identity_as_username true"
            if self.passwords is not None:
                yield f"password_file {self.folder / 'passwords'}"
            if self.access is not None:
                yield f"acl_file {self.folder / 'access'}"
        for number, (port, topics) in enumerate(self.bridges):
            yield (f"connection bridge-{number}\naddress {HOST}:{port}\nkeepalive_interval 5\n"
                   "cleansession false\nrestart_timeout 1\ntry_private true")
            for name, direction, qos, local, remote in topics:
                yield f"topic {name} {direction} {qos} " + " ".join(prefix or '""'
                                                                     for prefix in (local, remote))

    def _psk(self, number, listener):
        file = self.folder / f"psk-{number}"
        file.write_text("".join(f"{identity}:{key}\n" for identity, key in listener.psk.items()))
        return file

    # ---- the process
    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        if self.run:
            self.run.__exit__(*exc)

    def start(self, timeout=60):
        self.run = Running([*self.runner, *self.argv], errors="replace")
        deadline = time.monotonic() + timeout
        # Ports open one after the other, the management's last.
        places = list(self.listeners)
        if self.management and self.kind != "mosquitto":
            places.append(Listener(self.management))
        for listener in places:
            while not reachable(listener):
                check(
                    self.run.process.poll() is None and time.monotonic() < deadline,
                    f"{self.argv} does not listen:\n" + "\n".join(self.run.lines + self.run.errors))
                time.sleep(0.002)

    def stop(self):
        return self.run.stop(signal.SIGINT if self.kind == "mosquitto" else signal.SIGTERM)

    def kill(self):
        self.run.process.kill()
        self.run.process.wait()

    def signal(self, how):
        self.run.process.send_signal(how)

    @property
    def pid(self):
        return self.run.process.pid

    @property
    def log(self):
        return "\n".join(self.run.lines + self.run.errors)

    def resident(self):
        """Octets of memory in use."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024

    # ---- the management interface
    def rest(self, path, method="GET", token=True):
        """(status, body) of a request."""
        request = urllib.request.Request(f"http://{HOST}:{self.management}{path}", method=method)
        if token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def metrics(self):
        """{name with its labels: value}."""
        status, text = self.rest("/metrics")
        check(status == 200, f"/metrics: {status} {text}")
        found = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found


def reachable(listener):
    if listener.unix:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as attempt:
            return attempt.connect_ex(str(listener.unix)) == 0
    with contextlib.closing(socket.socket()) as attempt:
        return attempt.connect_ex((HOST, listener.port)) == 0
