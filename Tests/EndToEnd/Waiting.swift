import Testing

/// A wait that has lasted too long; the test ends with this sentence.
struct TooLate: Error, CustomStringConvertible {
    let description: String
}

/// Gives what `body` gives, or throws ``TooLate`` when it takes longer than `limit`. `body` has to end when cancelled.
func within<Value: Sendable>(
    _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: limit)
            throw TooLate(description: "\(what): not within \(limit)")
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { preconditionFailure("the group has two tasks") }
        return value
    }
}

/// Asks again and again until `look` finds something. For conditions that tell nobody when they come about: files,
/// processes of others. The pauses between looks decide nothing but how soon it is noticed.
func eventually<Value: Sendable>(
    _ what: String, within limit: Duration = .seconds(60), every pause: Duration = .milliseconds(40),
    _ look: @escaping @Sendable () async throws -> Value?
) async throws -> Value {
    try await within(limit, what) {
        while true {
            if let value = try await look() { return value }
            try await Task.sleep(for: pause)
        }
    }
}

/// The same for a condition that holds or does not.
func eventually(
    _ what: String, within limit: Duration = .seconds(60), holds look: @escaping @Sendable () async throws -> Bool
) async throws {
    _ = try await eventually(what, within: limit) { try await look() ? true : nil }
}
