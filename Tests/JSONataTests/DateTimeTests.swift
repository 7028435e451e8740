import JSON
import JSONata
import Testing

/// Dates and times, formatted and parsed by picture (XPath and XQuery Functions 3.1, 9.8).
@Suite struct DateTimeTests {
    /// 2018-03-04T15:06:07.089Z, a Sunday.
    static let moment = "1520175967089"

    @Test(
        arguments: [
            ("[Y0001]-[M01]-[D01]", "2018-03-04"), ("[D]/[M]/[Y,2]", "4/3/18"), ("[Y,2-2]", "18"),
            ("[Y9,999,*]", "2,018"), ("[MNn] [D1o]", "March 4th"), ("[MN,3-3]", "MAR"),
            ("[Mn]", "march"), ("[FNn], [Fn,*-3]", "Sunday, sun"), ("[F1]", "7"), ("[d]", "63"), ("[W]", "9"),
            ("[w]", "1"), ("[X]", "2018"), ("[xNn]", "March"),
            ("[H]:[m]:[s].[f001]", "15:06:07.089"), ("[h]:[m][PN]", "3:06PM"), ("[h#1] [P]", "3 pm"),
            ("[H01][m01]", "1506"), ("[YI]", "MMXVIII"), ("[Yw]", "two thousand and eighteen"),
            ("[Dwo]", "fourth"), ("[[[Y]]]", "[2018]"), ("[Z]", "+00:00"), ("[Z01:01t]", "Z"), ("[z]", "GMT+00:00"),
            ("[Z0]", "+0"), ("[Z0101]", "+0000"), ("[C] [E]", "ISO ISO"),
            ("[ Y 0 0 0 1 ]", "2018"), ("no markers", "no markers"), ("[DA] [Di]", "D iv"),
        ])
    func formats(picture: String, text: String) throws {
        #expect(try evaluate("$fromMillis(\(DateTimeTests.moment), \"\(picture)\")") == .string(text))
    }

    @Test(
        arguments: [
            ("+0100", "2018-03-04 16:06 +01:00"), ("-0530", "2018-03-04 09:36 -05:30"),
            ("+1345", "2018-03-05 04:51 +13:45"), ("0000", "2018-03-04 15:06 +00:00"),
        ])
    func formatsInAZone(zone: String, text: String) throws {
        let picture = "[Y]-[M01]-[D01] [H01]:[m01] [Z]"
        #expect(try evaluate("$fromMillis(\(DateTimeTests.moment), \"\(picture)\", \"\(zone)\")") == .string(text))
    }

    /// Weeks of the year by ISO 8601: the one with the first Thursday is the first.
    @Test(
        arguments: [
            ("2019-12-30", "2020-1"), ("2021-01-03", "2020-53"), ("2021-01-04", "2021-1"), ("2016-01-01", "2015-53"),
            ("2018-12-31", "2019-1"), ("2000-02-29", "2000-9"),
        ])
    func weeks(day: String, week: String) throws {
        #expect(try evaluate("$fromMillis($toMillis(\"\(day)\"), \"[X]-[W]\")") == .string(week))
    }

    @Test(
        arguments: [
            ("1970-01-01", 0), ("2018", 1_514_764_800_000), ("2018-03", 1_519_862_400_000),
            ("2018-03-04T15:06:07.089Z", 1_520_175_967_089),
            ("2018-03-04T15:06:07+01:00", 1_520_172_367_000), ("2018-03-04T15:06:07-0530", 1_520_195_767_000),
            ("1969-12-31T23:59:59.999Z", -1), ("0001-01-01", -62_135_596_800_000),
            ("2018-03-04T24:00:00Z", 1_520_208_000_000),
        ])
    func parsesISO8601(text: String, milliseconds: Int) throws {
        #expect(try evaluate("$toMillis(\"\(text)\")") == .integer(milliseconds))
    }

    @Test(arguments: [
        "", "x", "2018-13-01", "18-01-01", "2018-01-32", "2018-01-01T25:00:00Z", "2018-01-01T10:00Z",
        "2018-01-01 10:00:00", "2018-03-04T15:06:07.Z",
    ])
    func refuses(text: String) throws {
        #expect(try failure(of: "$toMillis(\"\(text)\")")?.code == "D3110")
    }

    @Test(
        arguments: [
            ("04/03/2018", "[D01]/[M01]/[Y0001]", "2018-03-04T00:00:00.000Z"),
            ("4th March 2018", "[D1o] [MNn] [Y]", "2018-03-04T00:00:00.000Z"),
            ("SUN 4 mar 2018", "[FN,3-3] [D] [Mn,3-3] [Y]", "2018-03-04T00:00:00.000Z"),
            ("20180304", "[Y0001][M01][D01]", "2018-03-04T00:00:00.000Z"),
            ("2018-063", "[Y]-[d001]", "2018-03-04T00:00:00.000Z"),
            ("2018-03-04 3:06 PM", "[Y]-[M]-[D] [h]:[m] [PN]", "2018-03-04T15:06:00.000Z"),
            ("2018-03-04 12:06 am", "[Y]-[M]-[D] [h]:[m] [Pn]", "2018-03-04T00:06:00.000Z"),
            ("2018-03-04T15:06:07.089-05:30", "[Y]-[M]-[D]T[H]:[m]:[s].[f001][Z]", "2018-03-04T20:36:07.089Z"),
            ("MMXVIII", "[YI]", "2018-01-01T00:00:00.000Z"),
            ("two thousand and eighteen", "[Yw]", "2018-01-01T00:00:00.000Z"),
            ("10:30", "[H]:[m]", "2026-01-02T10:30:00.000Z"), ("5", "[D]", "2026-01-05T00:00:00.000Z"),
            ("GMT+01:00 2018", "[z] [Y]", "2017-12-31T23:00:00.000Z"), ("(2018)", "([Y])", "2018-01-01T00:00:00.000Z"),
        ])
    func parses(text: String, picture: String, moment: String) throws {
        #expect(try evaluate("$fromMillis($toMillis(\"\(text)\", \"\(picture)\"))") == .string(moment))
    }

    /// More pictures than are remembered, and two that look the same but are written otherwise.
    @Test func picturesAreToldApart() throws {
        let many = "$map([1..60], function($i){$fromMillis(\(DateTimeTests.moment), $string($i) & \"/[D]\")})"
        #expect(try evaluate(many) == .array((1...60).map { .string("\($0)/4") }))
        let back =
            "$map([1..60], function($i){$toMillis($string($i) & \" 2018\", $string($i) & \" [Y]\")}) ~> $distinct"
        #expect(try evaluate(back) == 1_514_764_800_000)
        for literal in ["e\u{301}", "\u{E9}"] {
            let both = "$map([\"e\u{301}[D]\", \"\u{E9}[D]\", \"\(literal)[D]\"], function($p){$fromMillis(0, $p)})[2]"
            let text = try evaluate(both)?.stringValue
            #expect(text.map { Array($0.utf8) } == Array("\(literal)1".utf8))
        }
    }

    /// A picture that is none is the error of the call, not of the expression.
    @Test func literalsThatAreNoPictures() throws {
        #expect(try failure(of: "$fromMillis(0, \"[Y\")")?.code == "D3135")
        #expect(try evaluate("false ? $fromMillis(0, \"[Y\") : 1") == 1)
        #expect(try evaluate("($fromMillis := function($a, $b){$b}; $fromMillis(0, \"[Y]\"))") == "[Y]")
    }

    @Test func whatDoesNotFitIsNothing() throws {
        #expect(try evaluate("$toMillis(\"March\", \"[Y]\")") == nil)
        #expect(try evaluate("$toMillis(\"x\", \"x\")") == nil)
    }

    /// Every day of 63 years comes back.
    @Test func daysComeBack() throws {
        let expression = """
            $count($filter([-10957..12000], function($d){
                $toMillis($fromMillis($d * 86400000, "[Y0001]-[M01]-[D01]"), "[Y0001]-[M01]-[D01]") != $d * 86400000}))
            """
        #expect(
            try evaluate(expression, limits: JSONataLimits(steps: 1 << 40, bytes: Int.max / 4, stackBytes: 4 << 20))
                == 0)
        #expect(try evaluate("$fromMillis(951782400000)") == "2000-02-29T00:00:00.000Z")
        #expect(try evaluate("$fromMillis(-2203891200000)") == "1900-03-01T00:00:00.000Z")
        #expect(try failure(of: "$fromMillis(1e17)")?.code == "D1001")
    }
}
