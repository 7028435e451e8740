import EventPatterns
import Testing

@testable import Triggers

@Suite("What triggers were told") struct NoteTests {
    @Test("the latest fifty, the same in a row as one, each counted")
    func bounded() {
        let notes = TriggerNotes()
        for index in 0..<80 {
            notes.note(TriggerNews(.started, of: "a", execution: "e\(index)"), at: Int64(index))
        }
        #expect(notes["a"].recent.count == TriggerNotes.kept)
        #expect(notes["a"].recent.first?.news.execution == "e79" && notes["a"].recent.last?.news.execution == "e30")
        let refusal = TriggerNews(.refused, of: "a", reason: "no signature")
        for index in 0..<1000 { notes.note(refusal, at: Int64(1000 + index)) }
        #expect(notes["a"].recent.first?.count == 1000 && notes["a"].recent.first?.at == 1999)
        #expect(notes["a"].recent[1].news.execution == "e79")
        #expect(notes["a"].counts == [.started: 80, .refused: 1000])
        // While the engine does not serve there is no time, and the last one stays.
        notes.note(refusal, at: nil)
        #expect(notes["a"].recent.first?.at == 1999)
        notes.note(TriggerNews(.refused, of: "a", reason: String(repeating: "x", count: 5000)), at: nil)
        #expect(notes["a"].recent.first?.news.reason?.count == 1000)
        #expect(notes["b"].recent.isEmpty && notes["b"].counts.isEmpty)
    }
}
