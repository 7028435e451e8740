import Testing

@testable import Packaging

@Suite("Files of subtitles")
struct SubtitleFileTests {
    private static func cues(_ bytes: [UInt8]) throws -> [String] {
        try SubtitleFile(bytes).document.cues.map { "\($0.start)-\($0.end) \($0.text)" }
    }

    private static func cues(_ text: String) throws -> [String] { try cues(Array(text.utf8)) }

    private static let head =
        #"<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" "#
        + #"xmlns:tts="http://www.w3.org/ns/ttml#styling" xml:lang="en" "#

    static let times: [(text: String, parameters: String, milliseconds: Int64)] = [
        ("00:00:01.5", "", 1500), ("01:02:03.004", "", 3_723_004), ("100:00:00", "", 360_000_000),
        ("00:00:01:12", #"ttp:frameRate="24""#, 1500), ("00:00:01:15", "", 1500),
        ("00:00:10:00", #"ttp:frameRate="30" ttp:frameRateMultiplier="1000 1001""#, 10_000),
        ("30f", #"ttp:frameRate="30" ttp:frameRateMultiplier="1000 1001""#, 1001), ("1.25s", "", 1250),
        ("1500ms", "", 1500), ("2m", "", 120_000), ("0.5h", "", 1_800_000),
        ("15000000t", #"ttp:tickRate="10000000""#, 1500), ("7t", "", 7000),
    ]

    @Test("every form of time of TTML is read to the millisecond", arguments: times)
    func time(text: String, parameters: String, milliseconds: Int64) throws {
        let document =
            SubtitleFileTests.head + parameters
            + #"><body><div><p begin="\#(text)" dur="1s">Line</p></div></body></tt>"#
        #expect(try SubtitleFileTests.cues(document) == ["\(milliseconds)-\(milliseconds + 1000) Line"])
    }

    @Test("TTML's lines, styles, nested times and letters become WebVTT")
    func markup() throws {
        let content = """
            ><head><styling><style xml:id="s1" tts:fontStyle="italic"/><style xml:id="s2" style="s1" tts:fontWeight="bold"/>
            </styling></head><body begin="10s"><div begin="00:00:01.000" end="00:00:20.000">
            <p begin="2s" end="3s">One &amp; two<br/>  three &lt;
              four</p>
            <p begin="1s" dur="1s"><span style="s1">Italic</span> and <span style="s2">both</span></p>
            <p begin="5s" end="40s" tts:textDecoration="underline">Under</p>
            <p begin="6s" end="9s">Roll <span begin="1s" end="2s">up</span></p>
            <p begin="7s" end="8s"> <br/> </p>
            <p begin="8s" end="9s"><span style="s1"><br/>First</span> <span style="s2">last<br/> </span></p>
            <p begin="8.5s" end="9s">a &lt;&#x301;i>c&#13;&#10;d</p>
            </div></body></tt>
            """
        let document = #"<?xml version="1.0" encoding="UTF-8"?>"# + "\n" + SubtitleFileTests.head + content
        let file = try SubtitleFile(Array(document.utf8))
        #expect(file.format == .ttml)
        #expect(
            try SubtitleFileTests.cues(document) == [
                "12000-13000 <i>Italic</i> and <i><b>both</b></i>", "13000-14000 One &amp; two\nthree &lt; four",
                "16000-30000 <u>Under</u>", "17000-20000 Roll", "18000-19000 up",
                "19000-20000 <i>First</i> <i><b>last</b></i>", "19500-20000 a &lt;\u{301}i&gt;c d",
            ])
    }

    static let broken: [(text: String, cause: String)] = [
        (#"><body><div><p begin="soon" end="2s">x</p></div></body></tt>"#, "line 1: 'soon' is no time"),
        (#"><body><div><p begin="1s">x</p></div></body></tt>"#, "line 1: a text without an end"),
        (#"><body timeContainer="seq"/></tt>"#, "line 1: times in sequence are not read"),
        (#"ttp:timeBase="smpte"><body/></tt>"#, "line 1: times of the base 'smpte' are not read"),
        (#"ttp:frameRate="0"><body/></tt>"#, "line 1: frameRate is '0'"),
        ("><body></tt>", "line 1: 'body' of line 1 is ended by 'tt'"),
    ]

    @Test("what is no TTML is told with its line", arguments: broken)
    func refused(text: String, cause: String) {
        let error = #expect(throws: PackagingError.self) { try SubtitleFileTests.cues(SubtitleFileTests.head + text) }
        #expect(error?.message == cause)
        #expect(error?.code == .samplesInvalid)
    }

    @Test("SubRip in any of the usual encodings, without its own markup")
    func subRip() throws {
        let text = "1\r\n00:00:01,250 --> 00:00:02,750\r\n{\\an8}<FONT color=\"#fff\">Über</font> & <i>„so“</i>\r\n\r\n"
        let expected = ["1250-2750 Über &amp; <i>„so“</i>"]
        #expect(try SubtitleFileTests.cues(text) == expected)
        #expect(try SubtitleFileTests.cues([0xEF, 0xBB, 0xBF] + Array(text.utf8)) == expected)
        for isLittle in [true, false] {
            let units = ("\u{FEFF}" + text).utf16.flatMap { unit -> [UInt8] in
                let bytes = [UInt8(truncatingIfNeeded: unit), UInt8(unit >> 8)]
                return isLittle ? bytes : bytes.reversed()
            }
            #expect(try SubtitleFileTests.cues(units) == expected)
        }
        // Windows-1252: the quotation marks lie where ISO 8859-1 has control codes.
        let western = text.unicodeScalars.map { scalar -> UInt8 in
            switch scalar {
            case "„": 0x84
            case "“": 0x93
            default: UInt8(scalar.value)
            }
        }
        #expect(try SubtitleFileTests.cues(western) == expected)
        #expect(try SubtitleFile(Array(text.utf8)).format == .subRip)
    }

    @Test("WebVTT stays as it is")
    func webVTT() throws {
        let text = "WEBVTT\n\nSTYLE\n::cue { color: lime }\n\n00:01.000 --> 00:02.000 align:start\n<v Ann>Hi & bye\n"
        let file = try SubtitleFile(Array(text.utf8))
        #expect(file.format == .webVTT)
        #expect(file.document.blocks == ["STYLE\n::cue { color: lime }"])
        #expect(file.document.cues.map(\.text) == ["<v Ann>Hi & bye"])
        #expect(file.document.cues.map(\.settings) == ["align:start"])
    }
}
