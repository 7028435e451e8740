import Encodings
import Glibc
import HTTP

/// A film's upload by the tus protocol (https://tus.io/protocols/resumable-upload): made once, continued where it
/// broke, complete when its run has been started.
public struct Upload: Sendable {
    public let path: String
    public let bytes: Int64
    /// What the upload carries along: filename, title, metadata, protection.
    public let metadata: [(name: String, value: String)]

    /// Throws `.usage` when the file can't be read.
    public init(path: String, metadata: [(name: String, value: String)]) throws(EngineClientError) {
        var status = stat()
        guard stat(path, &status) == 0, access(path, R_OK) == 0 else {
            throw EngineClientError(
                code: .usage, error: nil, message: "\(path) can't be read: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw EngineClientError(code: .usage, error: nil, message: "\(path) is not a file")
        }
        self.path = path
        self.bytes = Int64(status.st_size)
        self.metadata = metadata
    }
}

extension EngineClient {
    /// Bytes sent in one request: progress is told, and what is lost with a connection is bounded, by this.
    private static let chunkBytes: Int64 = 16 << 20

    /// Sends a file and returns the ARN of the run that was started for it.
    ///
    /// - Parameter report: is told the bytes that have arrived.
    public func send(_ upload: Upload, patience: Duration = .seconds(60), report: (Int64) -> Void)
        async throws(EngineClientError) -> String
    {
        let location = try await create(upload)
        var offset: Int64 = 0
        // After a failure, where the upload stands is the engine's to say.
        var isDoubtful = false
        var lastProgress = ContinuousClock.now
        report(0)
        while true {
            do throws(EngineClientError) {
                if isDoubtful {
                    let (found, arn) = try await head(location)
                    if let arn { return arn }
                    offset = found
                    isDoubtful = false
                }
                let arn = try await patch(upload, at: location, from: &offset)
                lastProgress = .now
                report(offset)
                if let arn { return arn }
                // Asking again would change nothing.
                if offset == upload.bytes {
                    throw EngineClientError(
                        code: .refused, error: nil, message: "the upload is complete, and the engine names no run of it"
                    )
                }
            } catch {
                // Once all bytes are there the engine checks and stores them, which takes its time.
                let limit = offset == upload.bytes ? max(patience, .seconds(3600)) : patience
                guard error.isPassing, ContinuousClock.now - lastProgress < limit else { throw error }
                isDoubtful = true
                do { try await Task.sleep(for: .milliseconds(300)) } catch { throw cancelled }
            }
        }
    }

    private var cancelled: EngineClientError {
        EngineClientError(code: .unreachable, error: nil, message: "the upload was given up")
    }

    private func create(_ upload: Upload) async throws(EngineClientError) -> String {
        let metadata = upload.metadata.map { "\($0.name) \(Base64.encode($0.value.utf8))" }.joined(separator: ",")
        let response = try await send(
            HTTPRequest(
                "POST", baseURL + "/uploads",
                headers: [
                    "Tus-Resumable": "1.0.0", "Upload-Length": String(upload.bytes), "Upload-Metadata": metadata,
                ]))
        guard response.status == 201, let location = response.headers["Location"] else {
            throw refusal(response)
        }
        return location.hasPrefix("http") ? location : baseURL + location
    }

    /// Sends the next piece; the run's ARN when it was the last.
    private func patch(_ upload: Upload, at location: String, from offset: inout Int64) async throws(EngineClientError)
        -> String?
    {
        let length = min(Self.chunkBytes, upload.bytes - offset)
        let response = try await send(
            HTTPRequest(
                "PATCH", location,
                headers: [
                    "Tus-Resumable": "1.0.0", "Upload-Offset": String(offset),
                    "Content-Type": "application/offset+octet-stream",
                ], body: length == 0 ? .bytes([]) : .file(path: upload.path, offset: offset, length: length),
                timeouts: HTTPTimeouts(total: nil, idle: .seconds(120))))
        guard response.status == 204, let reached = response.headers["Upload-Offset"].flatMap({ Int64($0) }) else {
            throw refusal(response)
        }
        offset = reached
        return try started(response, at: location)
    }

    private func head(_ location: String) async throws(EngineClientError) -> (offset: Int64, arn: String?) {
        let response = try await send(HTTPRequest("HEAD", location, headers: ["Tus-Resumable": "1.0.0"]))
        guard response.status == 200 || response.status == 204,
            let offset = response.headers["Upload-Offset"].flatMap({ Int64($0) })
        else { throw refusal(response) }
        return (offset, try started(response, at: location))
    }

    /// The run's ARN, if it was started. Throws `.refused` where all that is left to do is to resume a trigger: nobody waits
    /// for that.
    private func started(_ response: HTTPResponse, at location: String) throws(EngineClientError) -> String? {
        if let trigger = response.headers["Execution-Held-By"] {
            throw EngineClientError(
                code: .refused, error: nil,
                message:
                    "the upload is complete and kept at \(location); its run starts when the trigger '\(trigger)', "
                    + "which is paused, is resumed")
        }
        return response.headers["Execution-Arn"]
    }
}
