"""Apache Traffic Server: everything in its RAM cache, one event thread."""

import os

from .contestants import Contestant

RECORDS = """
CONFIG proxy.config.http.server_ports STRING {port}:ip-in=127.0.0.1
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.exec_thread.affinity INT 4
CONFIG proxy.config.task_threads INT 1
CONFIG proxy.config.accept_threads INT 0
CONFIG proxy.config.cache.threads_per_disk INT 2
CONFIG proxy.config.cache.ram_cache.size INT 1073741824
CONFIG proxy.config.cache.ram_cache_cutoff INT 8388608
CONFIG proxy.config.cache.ram_cache.algorithm INT 1
CONFIG proxy.config.cache.ram_cache.use_seen_filter INT 0
CONFIG proxy.config.http.cache.http INT 1
CONFIG proxy.config.http.cache.required_headers INT 0
CONFIG proxy.config.http.insert_response_via_str INT 0
CONFIG proxy.config.http.insert_request_via_str INT 0
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 3600
CONFIG proxy.config.http.transaction_no_activity_timeout_in INT 3600
CONFIG proxy.config.net.default_inactivity_timeout INT 3600
CONFIG proxy.config.net.connections_throttle INT 18500
CONFIG proxy.config.net.max_connections_in INT 18000
CONFIG proxy.config.net.listen_backlog INT 4096
CONFIG proxy.config.url_remap.remap_required INT 0
CONFIG proxy.config.url_remap.pristine_host_hdr INT 1
CONFIG proxy.config.reverse_proxy.enabled INT 1
CONFIG proxy.config.diags.debug.enabled INT 0
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.crash_log_helper STRING
CONFIG proxy.config.http.wait_for_cache INT 1
CONFIG proxy.config.hostdb.host_file.path STRING
CONFIG proxy.config.dns.nameservers STRING 127.0.0.1
CONFIG proxy.config.dns.resolv_conf STRING NULL
"""

RUNROOT = """prefix: {folder}
exec_prefix: {folder}
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: {folder}/etc
datadir: {folder}/cache
libdir: {modules}
libexecdir: {modules}/modules
localstatedir: {folder}/state
runtimedir: {folder}/run
logdir: {folder}/log
cachedir: {folder}/cache
"""

ACCESS = """ip_allow:
  - apply: in
    ip_addrs: 0/0
    action: allow
    methods: ALL
"""


class TrafficServer(Contestant):
    name = "trafficserver"
    program = "traffic_server"

    def command(self):
        for name in ("etc", "cache", "state", "run", "log"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        self.write("etc/records.config", RECORDS.format(port=self.port))
        self.write("etc/remap.config", f"map / http://127.0.0.1:{self.origin}/\n")
        self.write("etc/storage.config", f"{self.folder}/cache 1G\n")
        self.write("etc/ip_allow.yaml", ACCESS)
        for name in (
            "plugin.config",
            "cache.config",
            "hosting.config",
            "parent.config",
            "volume.config",
            "ssl_multicert.config",
            "logging.yaml",
            "sni.yaml",
            "strategies.yaml",
            "splitdns.config",
            "socks.config",
        ):
            self.write("etc/" + name, "")
        self.runroot = self.write("runroot.yaml", RUNROOT.format(folder=self.folder, modules="/usr/lib/trafficserver"))
        return ["traffic_server", f"--run-root={self.runroot}"]


CONTESTANTS = [TrafficServer]
