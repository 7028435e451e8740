import Encodings
import HTTP

// Multipart uploads: create, parts in parallel, complete; abort whatever fails, so that no parts are left to pay for.
extension S3Store {
    private static let parallelParts = 3

    func putInParts(_ upload: S3Upload) async throws(ObjectStorageError) -> ObjectReference {
        let key = upload.reference.key
        do throws(ObjectStorageError) {
            return try await requireSame(upload.reference)
        } catch  where error.code == .notFound {
            // Free, as it should be.
        }
        let created = try await begin(upload)
        guard let id = XMLElement.parse(created.body)?["UploadId"], !id.isEmpty else {
            throw ObjectStorageError(
                .unavailable, "\(location.endpoint) began an upload of \(key) without an UploadId.")
        }
        do throws(ObjectStorageError) {
            let tags = try await putParts(upload, id: id)
            try await complete(upload, id: id, tags: tags)
        } catch {
            await abort(key, id: id)
            throw error
        }
        return upload.reference
    }

    /// In a task of its own, so that a cancellation cannot lose the id of an upload that the store has begun.
    private func begin(_ upload: S3Upload) async throws(ObjectStorageError) -> HTTPResponse {
        let key = upload.reference.key
        let result = await Task { () -> Result<HTTPResponse, ObjectStorageError> in
            let action = "begin the upload of \(key)"
            let request = self.request(
                "POST", key: key, query: [(name: "uploads", value: "")], headers: upload.headers)
            do throws(ObjectStorageError) {
                return .success(try self.requireSuccess(action, try await self.send(action, request)))
            } catch {
                return .failure(error)
            }
        }.value
        return try result.get()
    }

    /// The parts' entity tags in order.
    private func putParts(_ upload: S3Upload, id: String) async throws(ObjectStorageError) -> [String] {
        typealias Outcome = Result<(number: Int, tag: String), ObjectStorageError>
        let result = await withTaskGroup(of: Outcome.self) { group -> Result<[String], ObjectStorageError> in
            var waiting = upload.parts[...]
            var tags = [String](repeating: "", count: upload.parts.count)
            func next() {
                guard let part = waiting.popFirst() else { return }
                group.addTask {
                    do throws(ObjectStorageError) {
                        return .success((part.number, try await self.putPart(part, of: upload, id: id)))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for _ in 0..<Self.parallelParts { next() }
            while let outcome = await group.next() {
                switch outcome {
                case .success(let part):
                    tags[part.number - 1] = part.tag
                    next()
                case .failure(let error):
                    // The group waits for the others, which end at once.
                    group.cancelAll()
                    return .failure(error)
                }
            }
            return .success(tags)
        }
        return try result.get()
    }

    private func putPart(
        _ part: S3Upload.Part, of upload: S3Upload, id: String
    ) async throws(ObjectStorageError) -> String {
        let key = upload.reference.key
        let action = "put part \(part.number) of \(key)"
        let response = try requireSuccess(
            action,
            try await send(
                action,
                request(
                    "PUT", key: key,
                    query: [(name: "partNumber", value: String(part.number)), (name: "uploadId", value: id)],
                    headers: ["x-amz-content-sha256": part.sha256.hex], body: upload.body(of: part))))
        guard let tag = response.headers["ETag"] else {
            throw ObjectStorageError(
                .unavailable, "\(location.endpoint) took part \(part.number) of \(key) without an ETag.")
        }
        return tag
    }

    private func complete(_ upload: S3Upload, id: String, tags: [String]) async throws(ObjectStorageError) {
        let key = upload.reference.key
        let parts = zip(upload.parts, tags).map { part, tag in
            "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(xmlText(tag))</ETag></Part>"
        }
        let document = "<CompleteMultipartUpload>\(parts.joined())</CompleteMultipartUpload>"
        let request = request(
            "POST", key: key, query: [(name: "uploadId", value: id)],
            headers: ["Content-Type": "application/xml", "If-None-Match": "*"], body: .bytes(Array(document.utf8)))
        let action = "finish the upload of \(key)"
        var number = 1
        while true {
            let response = try await send(action, request)
            let refusal = S3Refusal(response)
            if response.status == 412 || refusal.code == "NoSuchUpload" {
                // Joined by an attempt whose answer was lost, or by somebody else.
                _ = try await requireSame(upload.reference)
                return
            }
            // A failure after the answer has begun comes with status 200 and an error document.
            if response.status == 200 && !refusal.code.isEmpty {
                guard number < Self.maxAttempts else { throw self.refusal(action, response) }
                try await pause(afterAttempt: number)
                number += 1
                continue
            }
            _ = try requireSuccess(action, response)
            return
        }
    }

    /// In a task of its own, which the cancellation of the upload does not reach. A failure leaves parts behind for
    /// the bucket's lifecycle rule; the error that led here is the one to report.
    private func abort(_ key: String, id: String) async {
        let request = request("DELETE", key: key, query: [(name: "uploadId", value: id)])
        await Task {
            do throws(ObjectStorageError) {
                _ = try await self.send("abort the upload of \(key)", request)
            } catch {
                return
            }
        }.value
    }
}
