"""Test hosts, real peers and the program under test, each cleaned up whatever happens.

Every test makes its own network namespace and its own temporary directory, so that two runs
side by side do not meet. A missing peer is a failure, never a skip.
"""
import contextlib
import ctypes
import fcntl
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

CLONE_NEWNET = 0x40000000
ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def need(*programs):
    """The real peers a test talks to; without one of them the test fails."""
    missing = [p for p in programs if shutil.which(p) is None]
    if missing:
        sys.exit(f"missing: {', '.join(missing)} (scripts/dev setup installs them)")


def with_debian_python(module, package):
    """Runs this test again with Debian's Python, where another one lacks the module."""
    if importlib.util.find_spec(module) is None:
        if sys.executable == "/usr/bin/python3":
            sys.exit(f"missing: {package} (scripts/dev setup installs it)")
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])


def causeway():
    """The program under test, given by CMake."""
    path = os.environ.get("CAUSEWAY")
    if not path or not os.access(path, os.X_OK):
        sys.exit("CAUSEWAY must name the causeway program")
    return path


def check(claim, message):
    if not claim:
        raise AssertionError(message)


def own_network():
    """Moves this process, and all that it will start, into a network namespace that ends with it.
    Every port is free there, whoever else runs."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        sys.exit(
            f"a network of one's own: {os.strerror(ctypes.get_errno())} (interop tests need root)")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def eventually(what, claim, timeout=20):
    """Asks again until `claim()` gives something that counts as true, which is given back."""
    deadline = time.monotonic() + timeout
    while True:
        if found := claim():
            return found
        check(time.monotonic() < deadline, f"not within {timeout} s: {what}")
        time.sleep(0.02)


class Host:
    """A host of the test's own: a network namespace with loopback up."""

    def __init__(self, name):
        self.name = f"{name}-{os.getpid()}"

    def __enter__(self):
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self.run(["ip", "link", "set", "lo", "up"], check=True)
        return self

    def __exit__(self, *exc):
        pids = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True)
        for pid in pids.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", self.name], check=False)

    def command(self, argv):
        return ["ip", "netns", "exec", self.name, *map(str, argv)]

    def run(self, argv, timeout=60, check=False):
        return subprocess.run(self.command(argv), capture_output=True, text=True, timeout=timeout,
                              check=check)

    def interfaces(self):
        links = json.loads(self.run(["ip", "-json", "link"], check=True).stdout)
        return sorted(link["ifname"] for link in links)


class Running:
    """A program in the background, its standard output read line by line."""

    def __init__(self, argv, **popen):
        self.argv = argv
        self.lines = []
        self.errors = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(list(map(str, argv)), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, **popen)
        self._readers = [threading.Thread(target=self._read, args=args, daemon=True)
                         for args in ((self.process.stdout, self.lines),
                                      (self.process.stderr, self.errors))]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, into):
        for line in stream:
            with self._news:
                into.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, pattern, timeout=60):
        """The first match of `pattern` in a line of output so far or to come."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + timeout
        seen = 0
        with self._news:
            while True:
                while seen < len(self.lines):
                    if match := wanted.search(self.lines[seen]):
                        return match
                    seen += 1
                left = deadline - time.monotonic()
                if left <= 0 or self.process.poll() is not None and not self._readers[0].is_alive():
                    raise AssertionError(f"no line like {pattern!r} from {self.argv}:\n"
                                         + "\n".join(self.lines + self.errors))
                self._news.wait(min(left, 0.5))

    def stop(self, how=signal.SIGINT, timeout=20):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.argv} did not end on {how.name}")
        for reader in self._readers:
            reader.join(5)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for reader in self._readers:
            reader.join(5)


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="causeway-test-") as folder:
        yield pathlib.Path(folder)


def node_peers():
    """The folder that holds npm's peers, installed as the lock file says."""
    npm = ROOT / "tests" / "interop" / "npm"
    lock = (npm / "package-lock.json").read_bytes()
    folder = ROOT / "build" / "interop-npm"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w", encoding="utf-8") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        mark = folder / "installed"
        if not mark.exists() or mark.read_bytes() != lock:
            for name in ("package.json", "package-lock.json"):
                (folder / name).write_bytes((npm / name).read_bytes())
            done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"],
                                  cwd=folder,
                                  capture_output=True,
                                  text=True,
                                  timeout=300)
            check(done.returncode == 0, f"npm ci: {done.stdout}{done.stderr}")
            mark.write_bytes(lock)
    return folder


def main(tests):
    """Runs each test, says how long it took, and ends with their number."""
    failed = 0
    for test in tests:
        began = time.monotonic()
        try:
            test()
            verdict = "passed"
        except AssertionError as why:
            verdict = f"FAILED: {why}"
            failed += 1
        except (subprocess.SubprocessError, OSError, ValueError, KeyError) as why:
            verdict = f"FAILED: {type(why).__name__}: {why}"
            failed += 1
        print(f"{test.__name__}: {verdict} ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(failed != 0)
