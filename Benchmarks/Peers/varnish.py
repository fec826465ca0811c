"""Varnish: malloc storage, one thread pool, no shared-memory log."""

import os
import re
import subprocess

from .contestants import Contestant

PROGRAM = """vcl 4.1;
backend origin {{ .host = "127.0.0.1"; .port = "{origin}"; }}
"""


class Varnish(Contestant):
    name = "varnish"
    program = "varnishd"

    def command(self):
        program = self.write("site.vcl", PROGRAM.format(origin=self.origin))
        parameters = {
            "thread_pools": "1",
            "thread_pool_min": "100",
            "thread_pool_max": "4000",
            "listen_depth": "4096",
            "timeout_idle": "3600",
            "default_grace": "0",
            "idle_send_timeout": "60",
            "vsl_mask": ",".join("-" + record for record in self.records()),
        }
        arguments = [
            "varnishd",
            "-F",
            "-j",
            "none",
            "-n",
            os.path.join(self.folder, "work"),
            "-f",
            program,
            "-a",
            f"127.0.0.1:{self.port}",
            "-s",
            "default,2g",
            "-T",
            "none",
        ]
        for name, value in parameters.items():
            arguments += ["-p", f"{name}={value}"]
        return arguments

    @staticmethod
    def records():
        """Every record type this build knows, so that all can be masked."""
        prose = subprocess.run(["varnishd", "-x", "vsl"], capture_output=True, text=True, check=False)
        return re.findall(r"^(\w+)\n~~~", prose.stdout + prose.stderr, re.M)


CONTESTANTS = [Varnish]
