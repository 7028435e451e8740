import Testing

@testable import Journal

/// What two looks at a server say of its history.
@Suite struct ServerHistoryTests {
    private static func place(_ timeline: Int64, _ position: Int64) -> ServerHistory.Place {
        ServerHistory.Place(timeline: timeline, position: position)
    }

    @Test(
        arguments: [
            (place(1, 900_000), true), (place(1, 900_001), true),
            (place(1, 900_000 - ServerHistory.partialRecord), true),
            (place(1, 899_999 - ServerHistory.partialRecord), false), (place(2, 900_000), false),
            (place(2, 9_000_000), false), (nil, true),
        ] as [(ServerHistory.Place?, Bool)])
    func aPlaceIsAdmitted(_ place: ServerHistory.Place?, _ isAdmitted: Bool) {
        let history = ServerHistory()
        #expect(history.refusal(of: place, known: history.reached) == nil, "before it matters any server will do")
        history.begin(at: Self.place(1, 900_000))
        #expect((history.refusal(of: place, known: history.reached) == nil) == isAdmitted)
        #expect(history.hasGoneBack == !isAdmitted)
    }

    /// Two connections are made at once: the one that asked first hears an earlier place, and may be told of it last.
    @Test func answersThatCrossAreNoStepBack() {
        let history = ServerHistory()
        history.begin(at: Self.place(1, 1_000_000))
        let known = history.reached
        #expect(history.refusal(of: Self.place(1, 3_000_000), known: known) == nil)
        history.reach(4_000_000)
        #expect(history.refusal(of: Self.place(1, 2_000_000), known: known) == nil)
        #expect(!history.hasGoneBack)
        // What is known by now holds for those who ask from now on.
        #expect(history.refusal(of: Self.place(1, 3_900_000), known: history.reached) != nil)
        #expect(history.hasGoneBack)
    }
}
