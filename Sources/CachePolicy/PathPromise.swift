// What a path's extension promises about its content: the input of the guard against cache deception, where
// `/account/x.css` makes a page of a signed-in user look like a shared file.

import HTTPMessage

/// What a cached path's extension promises; see `PolicySettings.guardsAgainstDeception`.
package enum PathPromise: UInt8, Sendable {
    /// No extension, or one that any content may have.
    case anything
    /// A style sheet, script, image, font, video, archive or document: not HTML, not JSON.
    case staticFile

    /// Reads the extension of the last path segment; `%2e` counts as a dot, since it is forwarded as one. A slash
    /// behind the segment, and what follows a byte where some origins end a name (`;`, or an encoded `;`, `?`, `#`, `/`
    /// or line end), hide it from nobody.
    package init(path: RawSpan) {
        self = .anything
        var end = path.byteCount
        while end > 0, path.byte(at: end - 1) == UInt8(ascii: "/") { end -= 1 }
        var position = end
        while position > 0 {
            if position == end || Self.endsName(path, at: position), Self.hasStaticExtension(path, before: position) {
                self = .staticFile
                return
            }
            position -= 1
            if path.byte(at: position) == UInt8(ascii: "/") { return }
        }
    }

    private static func endsName(_ path: RawSpan, at position: Int) -> Bool {
        if path.byte(at: position) == UInt8(ascii: ";") { return true }
        guard path.byte(at: position) == UInt8(ascii: "%"), position + 3 <= path.byteCount else { return false }
        let encoded = path.extracting(position..<position + 3)
        for known in nameEnds where equalIgnoringCase(encoded, known) { return true }
        return false
    }

    private static let nameEnds: [StaticString] = ["%3b", "%3f", "%23", "%2f", "%0a", "%0d"]

    /// Whether one of the extensions, with its dot, ends at `end`.
    private static func hasStaticExtension(_ path: RawSpan, before end: Int) -> Bool {
        for length in 2...5 where end > length && hasDot(path, before: end - length) {
            let name = path.extracting(end - length..<end)
            for known in staticExtensions where equalIgnoringCase(name, known) { return true }
        }
        return false
    }

    private static func hasDot(_ path: RawSpan, before end: Int) -> Bool {
        path.byte(at: end - 1) == UInt8(ascii: ".")
            || end >= 3 && equalIgnoringCase(path.extracting(end - 3..<end), "%2e")
    }

    private static let staticExtensions: [StaticString] = [
        "css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "svgz", "ico", "bmp", "tif",
        "tiff", "woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "m4a", "m4v", "webm", "ogg", "ogv", "opus", "wav",
        "flac", "avi", "mov", "mkv", "mid", "midi", "swf", "pdf", "ps", "eps", "zip", "gz", "tgz", "bz2", "xz", "zst",
        "7z", "rar", "tar", "exe", "msi", "dmg", "pkg", "apk", "iso", "jar", "bin", "doc", "docx", "xls", "xlsx",
        "ppt", "pptx", "csv", "wasm",
    ]
}
