import Interpreter
import JSON
import StatesLanguage

/// Reading the items and writing the results of distributed Map states: off the actor, with bounds, and again after a
/// recovery, since either may be done any number of times.
extension Engine {
    /// Of what one ItemReader reads in all; the items go into one journal row.
    static let itemBytes = 32 << 20
    static let itemCount = 1_000_000
    /// Of one file of results.
    static let resultFileBytes = 16 << 20

    func readItems(_ request: ItemReadRequest, for entry: EntryID, of run: Run) {
        guard run.transfers.insert(entry).inserted else { return }
        let source = itemSource
        Task {
            let result = await calling { () async -> Result<[JSON], ItemReadFailure> in
                do throws(ItemReadFailure) {
                    guard let source else { throw ItemReadFailure("This engine has no object store for items.") }
                    return .success(try await ItemReading(request: request, source: source).items())
                } catch {
                    return .failure(error)
                }
            }
            run.transfers.remove(entry)
            switch result {
            case .success(let items): self.post(.itemsRead(entry: entry, items: .array(items)), to: run)
            case .failure(let failure):
                self.post(
                    .itemReadFailed(entry: entry, error: "States.ItemReaderFailed", cause: failure.cause), to: run)
            }
        }
    }

    func writeResults(_ request: ResultWriteRequest, for entry: EntryID, of run: Run) {
        guard run.transfers.insert(entry).inserted else { return }
        let sink = resultSink
        let execution = run.execution
        Task {
            let result = await calling { () async -> Result<JSON, StorageRefusal> in
                do throws(StorageRefusal) {
                    guard let sink else {
                        throw StorageRefusal(message: "This engine has no object store for results.")
                    }
                    return .success(
                        try await ResultWriting(request: request, entry: entry, execution: execution, sink: sink)
                            .write())
                } catch {
                    return .failure(error)
                }
            }
            run.transfers.remove(entry)
            switch result {
            case .success(let output): self.post(.resultsWritten(entry: entry, output: output), to: run)
            case .failure(let failure):
                self.post(
                    .resultWriteFailed(entry: entry, error: "States.ResultWriterFailed", cause: failure.message),
                    to: run)
            }
        }
    }
}

/// One ItemReader's work.
struct ItemReading {
    let request: ItemReadRequest
    let source: any ItemSource

    private var limit: Int { min(request.maxItems ?? Engine.itemCount, Engine.itemCount) }

    private static var tooMuch: ItemReadFailure {
        ItemReadFailure("The items have more than \(Engine.itemBytes) bytes, which is the limit.")
    }

    func items() async throws(ItemReadFailure) -> [JSON] {
        guard let bucket = request.bucket else { throw ItemReadFailure("The ItemReader names no Bucket.") }
        if request.resource.hasSuffix(":listObjectsV2") { return try await listing(bucket) }
        guard let key = request.key else { throw ItemReadFailure("The ItemReader names no Key.") }
        let bytes = try await object(bucket, key)
        guard request.inputType == .manifest else { return try parse(bytes) }
        let manifest = try ItemDocuments.manifest(bytes)
        var items: [JSON] = []
        var sum = 0
        for key in manifest.keys where items.count < limit {
            guard !key.hasSuffix(".gz") else {
                throw ItemReadFailure("The inventory's file \(key) is compressed, which is not supported.")
            }
            let content = try await object(manifest.bucket, key)
            sum += content.count
            guard sum <= Engine.itemBytes else { throw Self.tooMuch }
            items += try CommaSeparatedItems.items(
                content, delimiter: UInt8(ascii: ","), headers: manifest.names, limit: limit - items.count)
        }
        return items
    }

    private func parse(_ bytes: [UInt8]) throws(ItemReadFailure) -> [JSON] {
        switch request.inputType {
        case .json, nil: return try ItemDocuments.json(bytes, pointer: request.itemsPointer, limit: limit)
        case .jsonLines: return try ItemDocuments.jsonLines(bytes, limit: limit)
        case .csv:
            guard let delimiter = Character(request.csv?.delimiter ?? ",").asciiValue else {
                throw ItemReadFailure("The delimiter is no ASCII character.")
            }
            return try CommaSeparatedItems.items(
                bytes, delimiter: delimiter, headers: request.csv?.headers, limit: limit)
        case .manifest, .parquet:
            throw ItemReadFailure("Items of the type \(request.inputType?.rawValue ?? "") can't be read here.")
        }
    }

    /// The objects under a prefix, or what is in them.
    private func listing(_ bucket: String) async throws(ItemReadFailure) -> [JSON] {
        var items: [JSON] = []
        var bytes = 0
        var after: String?
        repeat {
            let page: ListedObjects
            do throws(StorageRefusal) {
                page = try await source.objects(bucket: bucket, prefix: request.prefix ?? "", after: after)
            } catch { throw ItemReadFailure(error.message) }
            for object in page.items where items.count < limit {
                guard request.loadsAndFlattens else {
                    bytes += object.text.utf8.count
                    guard bytes <= Engine.itemBytes else { throw Self.tooMuch }
                    items.append(object)
                    continue
                }
                guard let key = object["Key"]?.stringValue else { continue }
                let content = try await self.object(bucket, key)
                bytes += content.count
                guard bytes <= Engine.itemBytes else { throw Self.tooMuch }
                items += try parse(content).prefix(limit - items.count)
            }
            after = page.next
        } while after != nil && items.count < limit
        return items
    }

    private func object(_ bucket: String, _ key: String) async throws(ItemReadFailure) -> [UInt8] {
        do throws(StorageRefusal) {
            return try await source.object(bucket: bucket, key: key, maximumBytes: Engine.itemBytes)
        } catch { throw ItemReadFailure(error.message) }
    }
}

/// One ResultWriter's work: files of results by how the children ended, and a manifest that names them.
///
/// Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
struct ResultWriting {
    let request: ResultWriteRequest
    let entry: EntryID
    let execution: Execution
    let sink: any ResultSink

    func write() async throws(StorageRefusal) -> JSON {
        guard let bucket = request.bucket else {
            throw StorageRefusal(message: "The ResultWriter names no Bucket.")
        }
        let run = request.mapRunARN.split(separator: ":").last.map(String.init) ?? ""
        let prefix = request.prefix.map { $0.isEmpty || $0.hasSuffix("/") ? $0 : $0 + "/" } ?? ""
        let folder = "\(prefix)\(run)/"
        var files: JSON = [:]
        // The service's order.
        for word in ["FAILED", "PENDING", "SUCCEEDED"] {
            let results = execution.formattedResults(of: entry, request.transformation) { outcome in
                if case .succeeded = outcome { word == "SUCCEEDED" } else { word == "FAILED" }
            }
            var written: [JSON] = []
            for (number, content) in contents(results).enumerated() {
                let isLines = request.outputType == .jsonLines
                let key = "\(folder)\(word)_\(number).\(isLines ? "jsonl" : "json")"
                try await sink.put(content, bucket: bucket, key: key, contentType: "application/json")
                written.append(["Key": .string(key), "Size": .integer(content.count)])
            }
            files[word] = .array(written)
        }
        let manifest: JSON = [
            "DestinationBucket": .string(bucket), "MapRunArn": .string(request.mapRunARN), "ResultFiles": files,
        ]
        let key = "\(folder)manifest.json"
        try await sink.put(manifest.utf8, bucket: bucket, key: key, contentType: "application/json")
        return [
            "MapRunArn": .string(request.mapRunARN),
            "ResultWriterDetails": ["Bucket": .string(bucket), "Key": .string(key)],
        ]
    }

    /// The results as files of bounded size; none for none.
    private func contents(_ results: [JSON]) -> [[UInt8]] {
        var files: [[UInt8]] = []
        var current: [UInt8] = []
        let isLines = request.outputType == .jsonLines
        func close() {
            guard !current.isEmpty else { return }
            if !isLines { current.append(UInt8(ascii: "]")) }
            files.append(current)
            current = []
        }
        for result in results {
            let bytes = result.utf8
            if current.count + bytes.count > Engine.resultFileBytes { close() }
            if isLines {
                current += bytes + [UInt8(ascii: "\n")]
            } else {
                current.append(current.isEmpty ? UInt8(ascii: "[") : UInt8(ascii: ","))
                current += bytes
            }
        }
        close()
        return files
    }
}
