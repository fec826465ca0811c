"""nginx: proxy_cache on memory, in the two settings that are best for small and for large bodies."""

import glob
import os
import shutil

from .contestants import Contestant

CONFIGURATION = """
daemon off; master_process on; worker_processes 1; user root; pid {folder}/nginx.pid;
error_log {folder}/error.log crit; worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; use epoll; multi_accept on; }}
http {{
    access_log off; server_tokens off; {sending}
    keepalive_timeout 3600s; keepalive_requests 1000000000; reset_timedout_connection on;
    client_body_temp_path {folder}/client; proxy_temp_path {cache}/temporary;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    types {{}} default_type text/plain; tcp_nodelay on;
    open_file_cache max={files} inactive=1h; open_file_cache_valid 1h; open_file_cache_min_uses 1;
    proxy_cache_path {cache}/cache levels=1:2 keys_zone=c:128m max_size=4g inactive=1d use_temp_path=off;
    upstream origin {{ server 127.0.0.1:{origin}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096;
        location / {{
            proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $host; proxy_force_ranges on;
            proxy_cache c; proxy_cache_key $host$uri; proxy_cache_lock on;
            proxy_buffers 16 64k; proxy_buffer_size 16k; proxy_busy_buffers_size 128k; output_buffers 2 128k;
        }}
    }}
}}
"""


class Nginx(Contestant):
    program = "nginx"
    sending = ""

    def command(self):
        self.memory = f"/dev/shm/martlet-bench-{os.getpid()}-{self.name}-{self.port}"
        os.makedirs(os.path.join(self.memory, "temporary"), exist_ok=True)
        path = self.write(
            "nginx.conf",
            CONFIGURATION.format(
                folder=self.folder,
                cache=self.memory,
                origin=self.origin,
                port=self.port,
                sending=self.sending,
                descriptors=19000,
                files=6000,
            ),
        )
        return ["nginx", "-p", self.folder, "-c", path, "-e", os.path.join(self.folder, "error.log")]

    def clean(self):
        super().clean()
        shutil.rmtree(getattr(self, "memory", "/nonexistent"), ignore_errors=True)

    def memory_held(self):
        files = sum(os.stat(path).st_blocks * 512 for path in glob.iglob(self.memory + "/cache/**", recursive=True))
        return super().memory_held() + files


class CopyingNginx(Nginx):
    name = "nginx-copy"
    sending = "sendfile off;"


class SendingNginx(Nginx):
    name = "nginx-sendfile"
    sending = "sendfile on; tcp_nopush off; sendfile_max_chunk 2m;"


CONTESTANTS = [CopyingNginx, SendingNginx]
