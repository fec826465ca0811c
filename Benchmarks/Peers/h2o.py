"""H2O as a file server: a reference, because its packaged version does not cache what it proxies."""

from .contestants import Contestant

CONFIGURATION = """
num-threads: 1
max-connections: 18000
limit-request-body: 1048576
http1-request-timeout: 3600
http2-idle-timeout: 3600
file.etag: "ON"
file.mime.addtypes: {{ "text/plain": [ ".txt" ] }}
user: root
pid-file: {folder}/h2o.pid
error-log: {folder}/error.log
hosts:
  "default":
    listen: {{ host: 127.0.0.1, port: {port} }}
    paths:
      "/": {{ file.dir: {site} }}
"""


class H2O(Contestant):
    name = "h2o-files"
    program = "h2o"
    caches = False

    def command(self):
        path = self.write("h2o.conf", CONFIGURATION.format(folder=self.folder, port=self.port, site=self.site))
        return ["h2o", "-m", "worker", "-c", path]


CONTESTANTS = [H2O]
