import HTTPServer
import Testing

@Suite("How long calls wait for an answer", .timeLimit(.minutes(1)))
struct AnswerDeadlineTests {
    private struct Refused: Error {}

    @Test("what the work gives or throws is the answer")
    func answers() async throws {
        let deadline = AnswerDeadline(.seconds(3600))
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<100 { group.addTask { try await deadline.awaiting { number } } }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(values == Set(0..<100))
        await #expect(throws: Refused.self) { try await deadline.awaiting { throw Refused() } }
    }

    @Test("once the time is over the call ends, and the work goes on")
    func passed() async throws {
        let deadline = AnswerDeadline(.milliseconds(20))
        let (ends, end) = AsyncStream<Bool>.makeStream()
        var iterator = ends.makeAsyncIterator()
        // Twice: the watch ends with the last call and begins with the next.
        for _ in 0..<2 {
            let (steps, step) = AsyncStream<Void>.makeStream()
            await #expect(throws: Late.self) {
                try await deadline.awaiting {
                    for await _ in steps { break }
                    end.yield(Task.isCancelled)
                }
            }
            step.yield()
            #expect(await iterator.next() == false)
        }
    }

    @Test("what also waits for something else has more time than others that begin with it")
    func allowance() async throws {
        let deadline = AnswerDeadline(.milliseconds(20))
        let (steps, step) = AsyncStream<Void>.makeStream()
        let (others, other) = AsyncStream<Void>.makeStream()
        async let long = deadline.awaiting(allowing: .seconds(3600)) {
            for await _ in steps { break }
            return "long"
        }
        await #expect(throws: Late.self) {
            try await deadline.awaiting { for await _ in others { break } }
        }
        step.yield()
        #expect(try await long == "long")
        other.finish()
    }

    @Test("a call that is cancelled cancels its work")
    func cancelled() async throws {
        let deadline = AnswerDeadline(.seconds(3600))
        let (steps, step) = AsyncStream<Void>.makeStream()
        let call = Task {
            try await deadline.awaiting {
                for await _ in steps { break }
                try Task.checkCancellation()
            }
        }
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        step.finish()
    }
}

private struct Late: Error {}

extension AnswerDeadline {
    fileprivate func awaiting<Value: Sendable>(
        allowing allowance: Duration = .zero, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await answer(allowing: allowance, late: Late() as any Error, work)
    }
}
