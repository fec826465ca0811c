// What a path's extension promises about its content: the input of the guard against cache deception, where
// `/account/x.css` makes a page of a signed-in user look like a shared file.

import HTTPMessage

/// What a cached path's extension promises; see `PolicySettings.guardsAgainstDeception`.
package enum PathPromise: UInt8, Sendable {
    /// No extension, or one that any content may have.
    case anything
    /// A style sheet, script, image, font, video, archive or document: not HTML, not JSON.
    case staticFile

    /// Reads the extension of the last path segment; `%2e` counts as a dot, since it is forwarded as one.
    package init(path: RawSpan) {
        self = .anything
        var position = path.byteCount
        while position > 0 {
            position -= 1
            let byte = path.byte(at: position)
            if byte == UInt8(ascii: "/") { return }
            if byte == UInt8(ascii: ".") { break }
            if byte == UInt8(ascii: "%"), position + 3 <= path.byteCount,
                equalIgnoringCase(path.extracting(position..<position + 3), "%2e")
            {
                position += 2
                break
            }
            if position == 0 { return }
        }
        guard position + 1 < path.byteCount else { return }
        let name = path.extracting((position + 1)...)
        guard name.byteCount <= 5 else { return }
        for known in PathPromise.staticExtensions where equalIgnoringCase(name, known) {
            self = .staticFile
            return
        }
    }

    private static let staticExtensions: [StaticString] = [
        "css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "svgz", "ico", "bmp", "tif",
        "tiff", "woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "m4a", "m4v", "webm", "ogg", "ogv", "opus", "wav",
        "flac", "avi", "mov", "mkv", "mid", "midi", "swf", "pdf", "ps", "eps", "zip", "gz", "tgz", "bz2", "xz", "zst",
        "7z", "rar", "tar", "exe", "msi", "dmg", "pkg", "apk", "iso", "jar", "bin", "doc", "docx", "xls", "xlsx",
        "ppt", "pptx", "csv", "wasm",
    ]
}
