// The demo site's texts.

enum DemoPages {
    private static func html(_ title: String, _ body: String) -> String {
        """
        <!doctype html>
        <html lang="en">
        <head><meta charset="utf-8"><title>\(title)</title><link rel="stylesheet" href="/style.css"></head>
        <body><img src="/logo.svg" alt="a martlet" width="96"><h1>\(title)</h1>
        \(body)
        <p><a href="/">home</a> · <a href="/about">about</a> ·
        <a href="/api/birds">JSON</a> · <a href="/slow">slow page</a></p>
        </body></html>

        """
    }

    static let home = html(
        "Martlet at work",
        """
        <p>This page came from a small site that the supervisor runs so that you can look at the node before you put
        it in front of something of your own. Reload it: the node answers from its cache, and the response says so
        in its <code>Cache-Status</code> field.</p>
        """)
    static let about = html(
        "About",
        "<p>A martlet is the swift of heraldry: drawn without feet, because it was believed never to land.</p>")
    static let slow = html(
        "A slow page", "<p>The origin took one and a half seconds for this one. The cache will not.</p>")
    static let style = """
        body { font: 17px/1.5 system-ui, sans-serif; max-width: 42em; margin: 3em auto; color: #234; }
        code { background: #eef3f7; padding: 0 .25em; }

        """
    static let logo = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 48"><path fill="#1d4e89" d="M4 22c12-2 18 2 24 8 \
        6-14 18-22 32-24-8 6-14 14-16 22 6 2 10 6 12 12-10-6-18-6-26-2-10 4-20-2-26-16z"/></svg>

        """
    static let birds = """
        [
          {"name": "common swift", "species": "Apus apus", "airborne_months": 10},
          {"name": "alpine swift", "species": "Tachymarptis melba", "airborne_months": 6},
          {"name": "house martin", "species": "Delichon urbicum", "airborne_months": 0}
        ]

        """
}
