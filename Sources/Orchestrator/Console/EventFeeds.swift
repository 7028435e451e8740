import Engine
import HTTPServer
import HTTPTypes
import Hummingbird
import JSON
import ServiceLifecycle
import Synchronization

/// Server-sent events (HTML Living Standard, section 9.2) of one execution or of all.
///
/// A stream of one execution begins with an `event: run` that holds the whole of it, so that a reader who comes back
/// after a gap needs no history, and closes after `event: end`. The stream of all executions begins with `event: open`
/// and goes on until the engine stops. A reader too slow for what happens loses steps in between, never the last word:
/// whoever has lost something gets the whole again (one execution) or is told to load the list again (`event: reload`).
///
/// Who may read is asked when a stream begins. So that nobody reads on with a key that was disabled, each ends after a
/// while without `end`: readers come again by themselves, and are asked again.
final class EventFeeds: Sendable {
    private let runs: any RunService
    private let heartbeat: Duration
    private let lifetime: Duration
    private let maximum: Int
    private let open = Atomic<Int>(0)

    init(runs: any RunService, heartbeat: Duration, lifetime: Duration, maximum: Int) {
        self.runs = runs
        self.heartbeat = heartbeat
        self.lifetime = lifetime
        self.maximum = maximum
    }

    /// - Parameter id: an execution that exists, or nil for all.
    func response(of id: String?) async throws -> Response {
        guard open.add(1, ordering: .relaxed).newValue <= maximum else {
            open.subtract(1, ordering: .relaxed)
            Refusals.count(limit: "event_streams")
            throw Problem.unavailable("\(maximum) event streams are open, more are not kept.", retryAfter: 5)
        }
        let place = Place(self)
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                // Reverse proxies that gather a response before they pass it on would hold events back.
                .accelBuffering: "no",
            ],
            body: ResponseBody { [self] writer in
                try await write(id, to: &writer)
                place.leave()
            })
    }

    /// The place of one stream among those allowed; given back when the response is dropped, however it ended.
    private final class Place: Sendable {
        private let feeds: EventFeeds
        private let isTaken = Atomic(true)

        init(_ feeds: EventFeeds) { self.feeds = feeds }

        func leave() {
            if isTaken.exchange(false, ordering: .relaxed) { feeds.open.subtract(1, ordering: .relaxed) }
        }

        deinit { leave() }
    }

    private enum Item: Sendable {
        case update(RunUpdate)
        case heartbeat
        /// The engine's stream ended by itself.
        case over
    }

    private final class Loss: Sendable {
        private let hasHappened = Atomic(false)

        func note() { hasHappened.store(true, ordering: .relaxed) }
        func take() -> Bool { hasHappened.exchange(false, ordering: .relaxed) }
    }

    private func write(_ id: String?, to writer: inout any ResponseBodyWriter) async throws {
        let end = ContinuousClock.now.advanced(by: lifetime)
        // Subscribed first and read second, so that nothing falls between the two.
        let updates = await runs.updates(of: id)
        let (items, continuation) = AsyncStream.makeStream(of: Item.self, bufferingPolicy: .bufferingNewest(256))
        let loss = Loss()
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                for await update in updates.cancelOnGracefulShutdown() {
                    if case .dropped = continuation.yield(.update(update)) { loss.note() }
                }
                if !Task.isShuttingDownGracefully { continuation.yield(.over) }
                continuation.finish()
            }
            group.addTask { [heartbeat] in
                while !Task.isCancelled {
                    try await Task.sleep(for: heartbeat)
                    if case .dropped = continuation.yield(.heartbeat) { loss.note() }
                }
            }
            group.addTask {
                try await Task.sleep(until: end, clock: .continuous)
                continuation.finish()
            }
            if let id {
                if try await writeWhole(id, to: &writer) { return }
            } else {
                try await writer.write(ServerSentEvent.text(event: "open", data: [:]))
            }
            for await item in items {
                // What waits for a slow reader is not his either.
                if .now >= end { break }
                if loss.take() {
                    if let id {
                        if try await writeWhole(id, to: &writer) { return }
                    } else {
                        try await writer.write(ServerSentEvent.text(event: "reload", data: [:]))
                    }
                }
                switch item {
                case .update(let update):
                    try await writer.write(ServerSentEvent.text(update))
                case .heartbeat:
                    try await writer.write(ServerSentEvent.alive)
                case .over:
                    if let id { _ = try await writeWhole(id, to: &writer) }
                    return
                }
            }
        }
        try await writer.finish(nil)
    }

    /// Writes an execution as it stands, and `end` if it has ended. Answers whether it has.
    private func writeWhole(_ id: String, to writer: inout any ResponseBodyWriter) async throws -> Bool {
        let detail: RunDetail
        do {
            detail = try await runs.run(id)
        } catch {
            // It was there when the request came. The response's head is sent: the reader will come again by itself.
            return true
        }
        var text = ServerSentEvent.text(
            event: "run", data: ["run": detail.run.json, "states": RunDocument.states(detail.states)])
        for report in detail.progress {
            text.writeImmutableBuffer(ServerSentEvent.text(event: "progress", data: report.json))
        }
        let hasEnded = detail.run.status != .running
        if hasEnded { text.writeImmutableBuffer(ServerSentEvent.text(event: "end", data: [:])) }
        try await writer.write(text)
        return hasEnded
    }
}

extension HTTPField.Name {
    fileprivate static let accelBuffering = constant("X-Accel-Buffering")
}

/// Events as text.
enum ServerSentEvent {
    /// Compact JSON has no line breaks, so that one `data` line holds it.
    static func text(event: String, data: JSON) -> ByteBuffer {
        var bytes = Array("event: \(event)\ndata: ".utf8)
        data.write(into: &bytes)
        bytes.append(contentsOf: "\n\n".utf8)
        return ByteBuffer(bytes: bytes)
    }

    /// That the engine lives while nothing happens. An event and no comment, of which pages would not hear.
    static let alive = ByteBuffer(string: "event: alive\ndata:\n\n")

    /// A change as `run`, where anything but progress changed, followed by a `progress` for each report.
    static func text(_ update: RunUpdate) -> ByteBuffer {
        var buffer = text(
            event: "run", data: ["run": update.run.json, "states": RunDocument.states(update.states)])
        for report in update.progress {
            var data = report.json
            data["execution"] = .string(update.run.id)
            buffer.writeImmutableBuffer(text(event: "progress", data: data))
        }
        return buffer
    }
}
