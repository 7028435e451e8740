import Testing

@testable import MediaSteps

@Suite("Text of subtitles")
struct SubtitleTextTests {
    static let rows: [(ass: String, webVTT: String)] = [
        ("Plain", "Plain"),
        (#"One\NTwo\nThree\hFour"#, "One\nTwo\nThree\u{A0}Four"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        (#"{\i1}Italic{\i0} and {\b1}bold"#, "<i>Italic</i> and <b>bold</b>"),
        (#"{\i1}{\b1}both{\i0}bold{\r}plain"#, "<i><b>both</b></i><b>bold</b>plain"),
        (#"{\b700}heavy{\b400}usual{\b300}light"#, "<b>heavy</b>usuallight"),
        (#"{\pos(10,20)\fad(200,200)\bord2\blur3}placed"#, "placed"),
        (#"before{\p1}m 0 0 l 100 0 100 100{\p0}after"#, "beforeafter"),
        (#"{\an8\p4}m 0 0 b 10 0 10 10"#, ""),
        ("a brace { without an end", "a brace { without an end"),
        (#"One\N\NTwo"#, "One\nTwo"),
    ]

    @Test("ASS becomes WebVTT: text and simple styles, no places, no drawings", arguments: rows)
    func text(ass: String, webVTT: String) {
        #expect(SubtitleText.webVTT(fromASS: ass) == webVTT)
    }
}

@Suite("Levels of sound")
struct LoudnessTargetTests {
    private static func level(_ integrated: Double?, _ peak: Double?) -> AudioLevel {
        LoudnessTarget().level(for: Loudness(integrated: integrated, truePeak: peak, range: 0, silence: []))
    }

    @Test(
        "the gain brings a track to the target; a decibel below the peak is kept for the encoder",
        arguments: [
            (-30.0, -20.0, 7.0, nil), (-23.0, -2.5, 0.0, nil), (-23.0, -1.5, 0.0, -2.0), (-33.0, -6.0, 10.0, -2.0),
            (-70.0, -60.0, 40.0, nil),
        ] as [(Double, Double, Double, Double?)])
    func level(integrated: Double, peak: Double, gain: Double, limit: Double?) {
        #expect(LoudnessTargetTests.level(integrated, peak) == AudioLevel(gain: gain, limit: limit))
    }

    @Test("silence stays as it is")
    func silence() {
        #expect(LoudnessTargetTests.level(nil, nil) == .unchanged)
    }
}
