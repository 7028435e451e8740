import JSON
import Testing

/// Equality, access and conversion.
@Suite struct JSONValueTests {
    @Test func comparesMembersWithoutOrder() {
        let one: JSON = ["a": 1, "b": [2]]
        let other: JSON = ["b": [2], "a": 1]
        #expect(one == other)
        #expect(one.hashValue == other.hashValue)
        #expect(one.text != other.text)
    }

    @Test(
        arguments: [
            (JSON.integer(1), JSON.double(1)), (.null, false), ("1", 1), ([1], [2]), (["a": 1], ["a": 2]),
            (["a": 1], ["a": 1, "b": 2]), ("é", "e\u{301}"),
        ] as [(JSON, JSON)])
    func tellsApart(left: JSON, right: JSON) {
        #expect(left != right)
        #expect(right != left)
    }

    @Test(
        arguments: [
            (JSON.integer(1), JSON.double(1), true), (2, 2, true), (.double(0.5), .double(0.5), true), (1, 2, false),
            (1, "1", false), (.null, 0, false),
        ] as [(JSON, JSON, Bool)])
    func comparesNumbersByMagnitude(left: JSON, right: JSON, isEqual: Bool) {
        #expect(left.numericallyEquals(right) == isEqual)
    }

    @Test(
        arguments: [
            (JSON.integer(3), 3 as Int?), (.double(3), 3), (.double(3.5), nil), (.double(1e300), nil), ("3", nil),
            (.null, nil),
        ] as [(JSON, Int?)])
    func convertsToIntegers(value: JSON, integer: Int?) {
        #expect(value.integerValue == integer)
    }

    @Test func reachesInside() {
        var value: JSON = ["a": [10, 20]]
        #expect(value["a"]?[1] == 20)
        #expect(value["a"]?[2] == nil)
        #expect(value["a"]?[-1] == nil)
        #expect(value["b"] == nil)
        #expect(value[0] == nil)
        value["b"] = "new"
        value["a"] = nil
        #expect(value == ["b": "new"])
        var text: JSON = "text"
        text["member"] = 1
        #expect(text == ["member": 1])
    }

    @Test func leavesOutMembersThatAreNil() {
        #expect(JSON.members(("a", 1), ("b", nil), ("c", .null)).text == #"{"a":1,"c":null}"#)
    }
}
