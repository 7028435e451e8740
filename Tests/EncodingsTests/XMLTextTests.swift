import Encodings
import Testing

@Suite("Text in XML")
struct XMLTextTests {
    @Test(
        "what means something to XML is escaped, what it can't hold replaced",
        arguments: [
            ("Tom & \"Jerry\" <3 >", "Tom &amp; &quot;Jerry&quot; &lt;3 &gt;"), ("a\nb\tc\r", "a b c "),
            ("\u{0}\u{1B}\u{FFFF}", "\u{FFFD}\u{FFFD}\u{FFFD}"), ("Élan 映画 🎬", "Élan 映画 🎬"), ("", ""),
        ])
    func escaping(text: String, escaped: String) { #expect(xmlText(text) == escaped) }
}
