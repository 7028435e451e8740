import HTTP
public import JSON

/// One server-sent event: its type and its data.
public struct RunEvent: Sendable {
    public let name: String
    public let data: JSON
}

extension EngineClient {
    /// What happens to a run from now on: first how it stands, then every change and progress report, at last `end`.
    /// A connection that breaks is made again while the engine starts anew, for `patience` at most.
    ///
    /// - Parameter body: is given each event; returns false to stop listening.
    public func follow(
        run id: String, patience: Duration = .seconds(60), _ body: (RunEvent) async throws -> Bool
    ) async throws {
        var lastHeard = ContinuousClock.now
        while true {
            do {
                let lines = try await http.lines(
                    signed(
                        HTTPRequest(
                            "GET", "\(baseURL)/console/api/runs/\(Self.segment(id))/events",
                            timeouts: HTTPTimeouts(total: nil, idle: .seconds(45)))))
                var name = "message"
                var data = ""
                for try await line in lines {
                    lastHeard = .now
                    if line.isEmpty {
                        if !data.isEmpty, try await body(RunEvent(name: name, data: try JSON(parsing: data))) == false {
                            return
                        }
                        if name == "end" { return }
                        (name, data) = ("message", "")
                    } else if line.hasPrefix("event:") {
                        name = line.dropFirst(6).drop { $0 == " " }.description
                    } else if line.hasPrefix("data:") {
                        data += line.dropFirst(5).drop { $0 == " " }
                    }
                }
            } catch let error as HTTPError {
                if case .status(let status) = error.code, status != 503 {
                    throw EngineClientError(code: .refused, error: nil, message: error.message)
                }
                guard ContinuousClock.now - lastHeard < patience else {
                    throw EngineClientError(
                        code: .unreachable, error: nil,
                        message: "the engine at \(baseURL) does not answer: \(error.message)")
                }
            }
            // The engine may be starting again.
            try await Task.sleep(for: .milliseconds(300))
        }
    }
}
