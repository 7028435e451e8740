import JSON
import StatesLanguage
import Testing

/// Every form of path over one document.
@Suite struct JSONPathTests {
    static let store: JSON = [
        "store": [
            "book": [
                ["title": "Sayings", "price": 8.95, "category": "reference", "tags": ["old", "wise"]],
                ["title": "Sword", "price": 12.99, "category": "fiction", "isbn": "0-1"],
                ["title": "Moby", "price": 8.99, "category": "fiction", "isbn": nil],
            ],
            "bicycle": ["colour": "red", "price": 20],
        ],
        "numbers": [3, 1, 2],
        "limit": 10,
        "a b": ["it's": 1, "x\"y": 2, "[0]": 3],
        "é": "accent",
        "dash-ed": 1,
        "nothing": nil,
    ]

    static let scope = EvaluationScope(input: store, context: ["Execution": ["Id": "arn"], "limit": 9])

    @Test(
        arguments: [
            ("$.limit", "10"), ("$['limit']", "10"), ("$[\"limit\"]", "10"), ("$.store.bicycle.colour", #""red""#),
            ("$.store['bicycle']['price']", "20"), ("$.numbers[0]", "3"), ("$.numbers[-1]", "2"), ("$.numbers[2]", "2"),
            ("$.numbers[(@.length-1)]", "2"), ("$.é", #""accent""#), ("$.dash-ed", "1"), ("$['a b']['it\\'s']", "1"),
            ("$['a b'][\"x\\\"y\"]", "2"), ("$['a b']['[0]']", "3"), ("$.nothing", "null"),
            ("$.store.book[0].tags[1]", #""wise""#), ("$$.Execution.Id", #""arn""#), ("$$.limit", "9"),
            ("$.store.bicycle['colour','price']", #"{"colour":"red","price":20}"#),
            ("$['limit','missing']", #"{"limit":10}"#),
            ("$.numbers.length()", "3"), ("$.numbers.min()", "1.0"), ("$.numbers.max()", "3.0"),
            ("$.numbers.sum()", "6.0"),
            ("$.numbers.avg()", "2.0"), ("$.numbers.first()", "3"), ("$.numbers.last()", "2"),
            ("$.numbers.stddev()", "0.8164965809277263"), ("$.numbers.sum($.limit, 4)", "20.0"),
            ("$.numbers.index(-1)", "2"),
            ("$.numbers.append($.limit)", "[3,1,2,10]"), ("$.é.concat('-', \"x\")", #""accent-x""#),
            ("$..price.sum()", "50.93"), ("$.store.['bicycle'].['colour']", #""red""#),
            ("$['\\u00e9']", #""accent""#), ("$.store.bicycle.keys()", #"["colour","price"]"#),
            ("$.store.book[*].price.length()", "3"),
        ] as [(String, String)])
    func namesOneValue(path: String, value: String) throws {
        let path = try JSONPath(path)
        #expect(path.isDefinite)
        #expect(path.value(in: JSONPathTests.scope)?.text == value)
    }

    @Test(
        arguments: [
            ("$.store.book[*].title", #"["Sayings","Sword","Moby"]"#), ("$.store.*", nil),
            ("$.numbers[0,2]", "[3,2]"), ("$.numbers[0,9]", "[3]"), ("$.numbers[0:2]", "[3,1]"),
            ("$.numbers[:2]", "[3,1]"),
            ("$.numbers[1:]", "[1,2]"), ("$.numbers[-2:]", "[1,2]"), ("$.numbers[:-1]", "[3,1]"),
            ("$.numbers[5:]", "[]"), ("$.numbers[2:1]", "[]"), ("$.missing[*]", "[]"), ("$.missing[1:5].x", "[]"),
            ("$.missing..x", "[]"), ("$.limit[0:1]", "[]"),
            ("$.limit[?(@.x)]", "[]"), ("$.missing['a','b'].c", "[]"), ("$..missing[*]", "[]"), ("$.limit[*]", "[]"),
            ("$..price", "[8.95,12.99,8.99,20]"), ("$..book[0].title", #"["Sayings"]"#),
            ("$.store..colour", #"["red"]"#),
            (
                "$.store.book[0,1]['title','price']",
                #"[{"title":"Sayings","price":8.95},{"title":"Sword","price":12.99}]"#
            ),
            ("$.store.bicycle.*", #"["red",20]"#), ("$..tags[*]", #"["old","wise"]"#), ("$..missing", "[]"),
            ("$.store.book[?(@.isbn)].title", #"["Sword","Moby"]"#),
            ("$.store.book[?(!@.isbn)].title", #"["Sayings"]"#),
            ("$.store.book[?(@.price < 9)].title", #"["Sayings","Moby"]"#),
            ("$.store.book[?(@.price<=8.95)].title", #"["Sayings"]"#),
            ("$.store.book[?(@.price > $.limit)].title", #"["Sword"]"#),
            ("$.store.book[?(@.price >= 8.99 && @.category == 'fiction')].title", #"["Sword","Moby"]"#),
            ("$.store.book[?(@.title == 'Moby' || @['title'] == \"Sword\")].price", "[12.99,8.99]"),
            ("$.store.book[?(@.isbn == null)].title", #"["Moby"]"#),
            ("$.store.book[?(@.title != 'Moby')].title", #"["Sayings","Sword"]"#),
            ("$.store.book[?(@.category in ['reference','other'])].title", #"["Sayings"]"#),
            ("$.store.book[?(@.category nin ['reference'])].title", #"["Sword","Moby"]"#),
            ("$.store.book[?(@.tags contains 'old')].title", #"["Sayings"]"#),
            ("$.store.book[?(@.title contains 'ob')].title", #"["Moby"]"#),
            ("$.store.book[?(@.tags anyof ['wise','new'])].title", #"["Sayings"]"#),
            ("$.store.book[?(@.tags noneof ['new'])].title", #"["Sayings"]"#),
            ("$.store.book[?(@.tags subsetof ['old','wise','new'])].title", #"["Sayings"]"#),
            ("$.store.book[?(@.tags size 2)].title", #"["Sayings"]"#),
            ("$.store.book[?(@.tags empty false)].title", #"["Sayings"]"#),
            ("$.store.book[?(@.tags.length() == 2)].title", #"["Sayings"]"#),
            ("$.store.book[?((@.price < 9 || @.price > 12) && !(@.title == 'Moby'))].title", #"["Sayings","Sword"]"#),
            ("$..[?(@.colour == 'red')].price", "[20]"), ("$.numbers[?(@ > 1)]", "[3,2]"),
            ("$.store.book[?(@.title < 'Sb')].title", #"["Sayings","Moby"]"#),
            ("$.store.book[?(@.title < 5)].title", "[]"),
            ("$.store.book[?(@.tags all ['old','wise'])].title", #"["Sayings"]"#),
            ("$.store.book[?(@.tags ALL ['old','new'])].title", "[]"),
            ("$.store.book[?(@.isbn NIN ['0-1'])].title", #"["Sayings","Moby"]"#),
            ("$.store.book[?(@.price == '8.95')].title", #"["Sayings"]"#),
            ("$.store.book[?(@.price === '8.95')].title", "[]"),
            ("$.store.book[?(@.price !== '8.95')].price", "[8.95,12.99,8.99]"),
            ("$.store.book[?(@.tags =~ /w.*/)].title", #"["Sayings"]"#),
            ("$..[?(@.tags)].title", #"["Sayings"]"#),
            ("$.store.book[?(@.title =~ /s.*/i)].title", #"["Sayings","Sword"]"#),
            ("$.store.book[?(@.title =~ /ay/)].title", "[]"),
            ("$.store.book[?(@.price =~ /8\\..+/)].price", "[8.95,8.99]"),
            ("$.store.book[?(@.isbn =~ /\\d-\\d/ || @.tags)].title", #"["Sayings","Sword"]"#),
        ] as [(String, String?)])
    func namesMany(path: String, value: String?) throws {
        let path = try JSONPath(path)
        #expect(!path.isDefinite)
        let found = try #require(path.value(in: JSONPathTests.scope))
        if let value { #expect(found.text == value) } else { #expect(found.arrayValue?.count == 2) }
    }

    @Test(arguments: [
        "$.missing", "$.nothing[0]",
        "$nobody", "$nobody[*]", "$.store.missing.deeper", "$.numbers[3]", "$.numbers[-4]",
        "$.numbers.name", "$.limit[0]",
        "$.limit.x", "$.nothing.x", "$$.missing", "$.store.book.min()", "$.limit.keys()", "$.missing.length()",
    ])
    func findsNothing(path: String) throws {
        #expect(try JSONPath(path).value(in: JSONPathTests.scope) == nil)
    }

    /// What people who know the library behind Step Functions expect at the edges: a missing leaf and a missing way to
    /// it, a null, lists whose members differ.
    @Test(
        arguments: [
            ("$.a", #"{"a":null}"#, "null"), ("$.a.b", #"{"a":null}"#, nil), ("$.a.b", #"{"a":{}}"#, nil),
            ("$.a.b", #"{"a":[{"b":1}]}"#, nil),
            ("$.a[*].b", #"{"a":[{"b":1},{"c":2},3,null,{"b":null}]}"#, "[1,null]"),
            ("$.a[*].b.c", #"{"a":[{"b":{"c":1}},{"b":2},{}]}"#, "[1]"), ("$.a[*]", #"{"a":[]}"#, "[]"),
            ("$.a[*]", #"{"a":{}}"#, "[]"), ("$.a[0]", #"{"a":[]}"#, nil), ("$.a[0][*]", #"{"a":[]}"#, "[]"),
            ("$.a[0,1]", #"{"a":[]}"#, "[]"), ("$.a[0:]", #"{"a":[]}"#, "[]"), ("$.a[-1]", #"{"a":[1,2]}"#, "2"),
            ("$.a[-3]", #"{"a":[1,2]}"#, nil), ("$.a[-3:]", #"{"a":[1,2]}"#, "[1,2]"),
            ("$..b", #"{"a":[{"b":1},{"b":{"b":2}}]}"#, #"[1,{"b":2},2]"#), ("$..b", "5", "[]"),
            ("$..*", #"{"a":{"b":[1]}}"#, #"[{"b":[1]},[1],1]"#), ("$.*.b", #"{"a":{"b":1},"c":{"d":2},"e":3}"#, "[1]"),
            ("$..[0]", "[[1,2],[3]]", "[[1,2],1,3]"),
            ("$..['a','b']", #"[{"a":1,"b":2},{"a":3}]"#, #"[{"a":1,"b":2}]"#),
            ("$['a','b']", #"{"a":1}"#, #"{"a":1}"#), ("$['a','b']", "{}", "{}"),
            ("$['a','b'].c", #"{"a":{"c":1},"b":{}}"#, "[1]"), ("$['a','b'].c", "{}", "[]"),
            ("$..[?(@.x > 1)]", #"[{"x":2},{"y":[{"x":3}]}]"#, #"[{"x":2},{"x":3}]"#),
            ("$.a[?(@.x)]", #"{"a":{"x":1}}"#, #"[{"x":1}]"#), ("$.a[?(@.x)].x", #"{"a":[{"x":null},{}]}"#, "[null]"),
            ("$.a[?(@ > 1)]", #"{"a":[1,2,"3"]}"#, "[2]"),
            (
                "$.a[?(@.x == 1)]", #"{"a":[{"x":1},{"x":1.0},{"x":true}]}"#,
                #"[{"x":1},{"x":1.0}]"#
            ),
            ("$.a[?(@.x == 'é')].x", #"{"a":[{"x":"\u00e9"}]}"#, #"["é"]"#),
            ("$.a[?(@.x != null)].x", #"{"a":[{"x":null},{"x":0},{}]}"#, "[0]"),
            (
                "$.a[?(@.x size 2)]", #"{"a":[{"x":[1,2]},{"x":"ab"},{"x":{"a":1,"b":2}},{"x":2}]}"#,
                #"[{"x":[1,2]},{"x":"ab"},{"x":{"a":1,"b":2}}]"#
            ),
            ("$.a[?(@.x empty true)]", #"{"a":[{"x":[]},{"x":""},{"x":null},{}]}"#, #"[{"x":[]},{"x":""}]"#),
            ("$.a.length()", #"{"a":[]}"#, "0"), ("$.a.length()", #"{"a":null}"#, nil),
            ("$.a.sum()", #"{"a":[]}"#, nil),
            ("$", "null", "null"), ("$[0]", "[null]", "null"), ("$.a.b", #"{"a.b":1}"#, nil),
            ("$['a.b']", #"{"a.b":1}"#, "1"),
        ] as [(String, String, String?)])
    func treatsEdgesAsKnown(path: String, document: String, value: String?) throws {
        let found = try JSONPath(path).value(in: EvaluationScope(input: try JSON(parsing: document)))
        #expect(found?.text == value)
    }

    @Test func readsVariables() throws {
        let scope = EvaluationScope(input: ["a": 1], variables: ["v": ["a": [2, 3]], "größe_1": 4])
        #expect(try JSONPath("$v.a[1]").value(in: scope) == 3)
        #expect(try JSONPath("$v.a[*]").value(in: scope) == [2, 3])
        #expect(try JSONPath("$größe_1").value(in: scope) == 4)
        #expect(try JSONPath("$v.a[?(@ > $.a)]").value(in: scope) == [2, 3])
        #expect(try JSONPath("$v.b").value(in: scope) == nil)
        #expect(try JSONPath("$v.a").variable == "v")
        #expect(throws: JSONPathError.self) { try ReferencePath("$v.a") }
    }

    @Test(
        arguments: [
            ("", 0), ("limit", 0), (".limit", 0), ("$1limit", 1), ("$.", 2), ("$..", 3), ("$...a", 3), ("$.a.", 4),
            ("$.a[", 4),
            ("$.a[]", 4), ("$.a['b", 4), ("$.a['b'", 7), ("$.a[1", 5), ("$.a[1:2:3]", 7), ("$.a[x]", 4), ("$.a b", 3),
            ("$.a[?(@.b =~ /x)]", 13), ("$.a[?(@.b =~ /(x/)]", 13), ("$.a[?@.b]", 5), ("$.a[?(@.b == x)]", 13),
            ("$.a[?(1)]", 6), ("$.a[?(@.b]", 9),
            ("$.a[?(@.b == $.c[*])]", 13), ("$.a.nofunction()", 4), ("$..length()", 11), ("()", 0),
            ("$.a.length().b", 12),
            ("$..a..b..c", 9), ("$.a[99999999999]", 4), ("$.a[-]", 5), ("$.a[(@.length)]", 4), ("$.a,b", 3),
        ] as [(String, Int)])
    func refuses(path: String, offset: Int) {
        let error = #expect(throws: JSONPathError.self) { try JSONPath(path) }
        #expect(error?.offset == offset, "\(String(describing: error))")
    }

    @Test func refusesWhatGrowsWithoutBound() {
        #expect(throws: JSONPathError.self) { try JSONPath("$." + String(repeating: "a", count: 9000)) }
        let nested = String(repeating: "(", count: 100) + "@.a" + String(repeating: ")", count: 100)
        #expect(throws: JSONPathError.self) { try JSONPath("$.a[?" + nested + "]") }
        let lists = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(throws: JSONPathError.self) { try JSONPath("$.a[?(@.b in " + lists + ")]") }
    }

    @Test func knowsTheIdentity() throws {
        #expect(try JSONPath("$").isIdentity)
        #expect(try !JSONPath("$$").isIdentity)
        #expect(try !JSONPath("$.a").isIdentity)
        #expect(try JSONPath("$").value(in: JSONPathTests.scope) == JSONPathTests.store)
    }
}

/// Regular expressions of filters.
@Suite struct FilterPatternTests {
    static func matches(_ pattern: String, _ text: String) throws -> Bool {
        let path = try JSONPath("$[?(@ =~ \(pattern))]")
        return path.value(in: EvaluationScope(input: [.string(text)]))?.arrayValue?.count == 1
    }

    @Test(
        arguments: [
            ("/abc/", ["abc"], ["abcd", "xabc", "ABC", ""]), ("/abc/i", ["aBC"], ["abd"]),
            ("/a*/", ["", "aaa"], ["b", "ab"]),
            ("/a+b?/", ["a", "aab"], ["b", "abb"]), ("/a|bc|/", ["a", "bc", ""], ["b", "abc"]),
            ("/(ab)+c/", ["ababc"], ["c", "abac"]),
            ("/(?:a|b)*?c/", ["c", "abbac"], ["abd"]), ("/[a-c_]+/", ["ab_c"], ["d", ""]),
            ("/[^a-c]/", ["d", "é"], ["a", "dd"]),
            ("/[]x-]+/", ["]x-"], ["y"]), ("/\\d{3}/", ["123"], ["12", "1234"]),
            ("/x{2,3}/", ["xx", "xxx"], ["x", "xxxx"]),
            ("/x{2,}/", ["xx", "xxxxx"], ["x"]), ("/x{0}y/", ["y"], ["xy"]), ("/\\w+\\s\\W/", ["a_1 !"], ["a b"]),
            ("/^a$/", ["a"], ["ab"]), ("/a^b/", [], ["ab"]), ("/./", ["a", "😀"], ["\n", ""]), ("/./s", ["\n"], []),
            ("/a\\.b\\/c\\\\/", ["a.b/c\\"], ["axb/c\\"]), ("/(a*)*b/", ["b", "aab"], ["a"]),
            ("/(|a)+/", ["", "aa"], ["b"]),
            ("/[\\d-]+/", ["1-2"], ["a"]), ("/é+/", ["éé"], ["e"]),
        ] as [(String, [String], [String])])
    func decides(pattern: String, matching: [String], others: [String]) throws {
        for text in matching { #expect(try FilterPatternTests.matches(pattern, text), "\(pattern) and '\(text)'") }
        for text in others { #expect(try !FilterPatternTests.matches(pattern, text), "\(pattern) and '\(text)'") }
    }

    @Test(arguments: [
        "/(/", "/)/", "/[a/", "/*/", "/a**/", "/a{,3}/", "/a{3,2}/", "/a{2/", "/\\b/", "/(a)\\1/", "/(?=a)/",
        "/(?<n>a)/",
        "/[z-a]/", "/[[a]]/", "/a/g", "/a{999999}/", "/(a{100}){100}/", "/a", "a",
    ])
    func refuses(pattern: String) {
        #expect(throws: JSONPathError.self) { try JSONPath("$[?(@ =~ \(pattern))]") }
    }

    /// What takes others exponential time.
    @Test func staysWithinItsTime() throws {
        #expect(try !FilterPatternTests.matches("/(a+)+b/", String(repeating: "a", count: 5000)))
        #expect(try !FilterPatternTests.matches("/(a|a)*(a|a)*(a|a)*c/", String(repeating: "a", count: 5000)))
    }
}

/// Placing values by reference paths.
@Suite struct ReferencePathTests {
    @Test(
        arguments: [
            ("$", #"{"a":1}"#, "9"), ("$.a", #"{"a":1}"#, #"{"a":9}"#), ("$.b", #"{"a":1}"#, #"{"a":1,"b":9}"#),
            ("$.b.c.d", #"{"a":1}"#, #"{"a":1,"b":{"c":{"d":9}}}"#), ("$['a b']", "{}", #"{"a b":9}"#),
            ("$.a[1]", #"{"a":[1,2,3]}"#, #"{"a":[1,9,3]}"#), ("$[0].x", #"[{"y":1}]"#, #"[{"y":1,"x":9}]"#),
            ("$.a.b", #"{"a":{"c":1},"z":2}"#, #"{"a":{"c":1,"b":9},"z":2}"#),
        ] as [(String, String, String)])
    func places(path: String, document: String, result: String) throws {
        let path = try ReferencePath(path)
        #expect(try path.setting(9, in: JSON(parsing: document)).text == result)
    }

    @Test(
        arguments: [
            ("$.a.b", #"{"a":1}"#), ("$.a", "[1]"), ("$.a", #""text""#), ("$.a[3]", #"{"a":[1]}"#), ("$[0]", "{}"),
            ("$.a[0]", "{}"), ("$.a", "null"),
        ] as [(String, String)])
    func cannotPlace(path: String, document: String) throws {
        let path = try ReferencePath(path)
        let document = try JSON(parsing: document)
        let error = #expect(throws: EvaluationError.self) { try path.setting(9, in: document) }
        #expect(error?.error == "States.ResultPathMatchFailure")
        #expect(error?.cause == "Unable to apply ReferencePath \(path.text) to input \(document.text)")
    }

    @Test(arguments: [
        "$$.a", "$.a[*]", "$.*", "$..a", "$.a[0:1]", "$.a[0,1]", "$['a','b']", "$.a[?(@.b)]", "$.a.length()", "a", "",
        "$.a[-1]",
    ])
    func refuses(path: String) {
        #expect(throws: JSONPathError.self) { try ReferencePath(path) }
    }
}
