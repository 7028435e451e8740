import Encodings
import Testing

@Suite("Percent-encoding")
struct PercentEncodingTests {
    @Test(
        "encodes everything that Signature Version 4 does",
        arguments: [("a b", "a%20b"), ("+='()*/~", "%2B%3D%27%28%29%2A%2F~"), ("ü\n", "%C3%BC%0A"), ("", "")])
    func encoding(_ text: String, _ encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
        #expect(PercentEncoding.decode(encoded) == text)
    }

    @Test("keeps slashes where asked and sorts queries")
    func queries() {
        #expect(PercentEncoding.encode("a/b c", keepingSlashes: true) == "a/b%20c")
        let query = PercentEncoding.query([("uploads", ""), ("a", "x/y"), ("a", "b c")])
        #expect(query == "a=b%20c&a=x%2Fy&uploads=")
    }

    @Test("refuses what is not encoded", arguments: ["%", "%4", "%zz", "%+1", "%-0", "%1+", "%ff"])
    func badEscapes(_ text: String) { #expect(PercentEncoding.decode(text) == nil) }
}
