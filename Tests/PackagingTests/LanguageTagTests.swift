import Testing

@testable import Packaging

@Suite struct LanguageTagTests {
    @Test(arguments: [
        ("en", "en", "eng", "English"), ("eng", "en", "eng", "English"), ("ger", "de", "deu", "German"),
        ("deu", "de", "deu", "German"), ("FRE", "fr", "fra", "French"), ("pt-br", "pt-BR", "por", "Portuguese (BR)"),
        ("zh-hant-tw", "zh-Hant-TW", "zho", "Chinese (Hant-TW)"), ("und", "und", "und", "Undetermined"),
        ("gsw", "gsw", "gsw", "gsw"),
    ])
    func reads(text: String, bcp47: String, iso: String, name: String) throws {
        let tag = try #require(LanguageTag(text))
        #expect(tag.bcp47 == bcp47)
        #expect(tag.iso6392 == iso)
        #expect(tag.name == name)
    }

    @Test(arguments: ["", "e", "english", "en-", "en_US", "12", "en-\"", "en-toolongsubtag", "ä"])
    func refuses(text: String) {
        #expect(LanguageTag(text) == nil)
    }

    @Test func packsThreeLettersOfFiveBits() throws {
        #expect(try #require(LanguageTag("und")).packed == 0x55C4)
        #expect(try #require(LanguageTag("eng")).packed == 0x15C7)
    }
}
