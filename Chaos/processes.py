"""The processes of chaos.py and failover.py: a PostgreSQL server, programs that are kept running, and the clock that they see."""
import glob
import os
import pwd
import signal
import socket
import subprocess
import threading
import time


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Clock:
    """The wall clock of some processes, which may be set; without libfaketime it is the machine's."""

    library = (sorted(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")) or [None])[0]
    # What was there before.
    memory = set(glob.glob("/dev/shm/*faketime_s*"))

    @classmethod
    def tidy(cls):
        """Removes what processes that had the library and were killed have left; those that live have it open."""
        for path in set(glob.glob("/dev/shm/*faketime_s*")) - cls.memory:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass

    def __init__(self, path):
        self.path = path
        self.set(0)

    def set(self, offset):
        """Every process that has it reads it again within a second."""
        with open(self.path + ".new", "w") as file:
            file.write(f"{offset:+d}")
        os.chmod(self.path + ".new", 0o644)
        os.rename(self.path + ".new", self.path)

    @property
    def environment(self):
        if not self.library:
            return None
        return {**os.environ, "LD_PRELOAD": self.library, "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                # Without it the library changes the environment before the program begins, whereupon Swift's runtime finds no
                # arguments. There is nothing of these names: each process makes its own.
                "FAKETIME_SHARED": "/none /none"}


class Database:
    """A PostgreSQL server of its own, started again whenever it is gone. Never as root."""

    def __init__(self, folder):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        os.makedirs(folder, exist_ok=True)
        self.is_small = False
        if self.account:
            # So that a disk can be full: see "fill the disk".
            self.is_small = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=6g,mode=755", "tmpfs", folder], stderr=subprocess.DEVNULL).returncode == 0
            os.chown(folder, self.account.pw_uid, self.account.pw_gid)
        self.run("initdb", "-D", self.data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.process = None
        self.is_over = False
        self.clock = Clock(os.path.join(folder, "clock"))
        self.start()
        threading.Thread(target=self.keep, daemon=True).start()
        while self.sql("SELECT 1", check=False).returncode != 0:
            time.sleep(0.1)

    def become(self):
        if self.account:
            os.setgid(self.account.pw_gid)
            os.setuid(self.account.pw_uid)

    def run(self, program, *arguments):
        subprocess.run([os.path.join(self.bin, program), *arguments], check=True, preexec_fn=self.become, cwd="/",
                       stdout=subprocess.DEVNULL)

    def start(self):
        self.process = subprocess.Popen(
            [os.path.join(self.bin, "postgres"), "-D", self.data, "-k", self.folder, "-c", "listen_addresses=",
             "-c", "max_connections=60", "-c", "shared_buffers=128MB"],
            preexec_fn=self.become, cwd="/", stdout=subprocess.DEVNULL, stderr=open(self.folder + "/log", "a"),
            env=self.clock.environment)

    def keep(self):
        while not self.is_over:
            self.process.wait()
            if not self.is_over:
                time.sleep(0.3)
                self.start()

    def stop(self):
        self.is_over = True
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        if self.is_small:
            subprocess.run(["umount", "-l", self.folder])

    @property
    def url(self):
        return f"postgresql:///postgres?host={self.folder}&user=postgres"

    def sql(self, text, check=True, **options):
        return subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url, *(["-c", text] if text else [])],
            check=check, capture_output=True, text=True, **options)

    def backends(self):
        """Process ids of what serves engines at the moment."""
        answer = self.sql(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'showrunner-%' AND backend_type = 'client backend'",
            check=False)
        return [int(line) for line in answer.stdout.split()] if answer.returncode == 0 else []


class Programs:
    """Processes by name, started again when they are gone unless they are told to stop."""

    def __init__(self, log):
        self.log = log
        self.lock = threading.Lock()
        self.processes = {}
        # Of engines.
        self.clocks = []
        # What stays away once it is gone.
        self.held = set()
        self.is_over = False

    def keep(self, name, command, pause=0.2, environment=None):
        def run():
            while not self.is_over:
                with open(f"{self.log}/{name}.log", "a") as output:
                    process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
                with self.lock:
                    self.processes[name] = process
                process.wait()
                time.sleep(pause)
                while name in self.held and not self.is_over:
                    time.sleep(pause)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def signal(self, name, number):
        with self.lock:
            process = self.processes.get(name)
        if process and process.poll() is None:
            process.send_signal(number)
            return True
        return False

    def stop(self):
        self.is_over = True
        for name in list(self.processes):
            self.signal(name, signal.SIGCONT)
            self.signal(name, signal.SIGTERM)
        for process in list(self.processes.values()):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
