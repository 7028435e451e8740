import Testing

@testable import Access

@Suite("What the audit log keeps of a text")
struct AuditSubjectTests {
    @Test("a text ends at its limit of bytes, between two scalars, however long its characters are")
    func cut() {
        for (text, limit, kept) in [
            ("", 0, ""), ("abc", 3, "abc"), ("abcd", 3, "abc"), ("aü", 2, "a"), ("aü", 3, "aü"), ("€€", 5, "€"),
            ("😀", 3, ""), ("😀😀", 4, "😀"), ("e\u{301}\u{301}", 4, "e\u{301}"), ("abc", 0, ""),
        ] {
            #expect(text.prefix(bytes: limit) == kept, "\(text) in \(limit)")
        }
    }

    @Test("a single character of many scalars is no way around the limit")
    func tall() {
        let kept = AuditSubject.kept("e" + String(repeating: "\u{301}", count: 5000))
        #expect(kept.utf8.count == 1023)
        #expect(kept == "e" + String(repeating: "\u{301}", count: 511))
        #expect(AuditSubject.kept("a\0b\0") == "ab")
    }
}
