import JSON

/// The forms in which an object holds items, apart from comma-separated values.
enum ItemDocuments {
    /// A JSON document: an array, or the array at a pointer within it.
    ///
    /// - Parameter pointer: RFC 6901, `ItemsPointer`.
    static func json(_ bytes: [UInt8], pointer: String?, limit: Int) throws(ItemReadFailure) -> [JSON] {
        var value: JSON
        do { value = try JSON(parsing: bytes) } catch {
            throw ItemReadFailure("Failed to parse the JSON document: \(error.description)")
        }
        if let pointer, !pointer.isEmpty {
            for token in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
                // RFC 6901, section 4: ~1 first, so that ~01 stays ~1.
                let name = String(token).replacing("~1", with: "/").replacing("~0", with: "~")
                guard let next = Int(name).flatMap({ (index: Int) in value[index] }) ?? value[name] else {
                    throw ItemReadFailure("The document has nothing at '\(pointer)'.")
                }
                value = next
            }
        }
        guard let items = value.arrayValue else {
            throw ItemReadFailure("Attempting to map over non-iterable node.")
        }
        return Array(items.prefix(limit))
    }

    /// JSON lines: a value a line; empty lines are none.
    static func jsonLines(_ bytes: [UInt8], limit: Int) throws(ItemReadFailure) -> [JSON] {
        var items: [JSON] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            guard items.count < limit else { break }
            guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { continue }
            do { items.append(try JSON(parsing: Array(line))) } catch {
                throw ItemReadFailure("Failed to parse line \(index + 1) of the JSON lines: \(error.description)")
            }
        }
        return items
    }

    /// The objects that an S3 inventory's manifest names: comma-separated files in a bucket, and the names of their cells.
    ///
    /// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
    static func manifest(_ bytes: [UInt8]) throws(ItemReadFailure) -> (bucket: String, keys: [String], names: [String])
    {
        let document: JSON
        do { document = try JSON(parsing: bytes) } catch {
            throw ItemReadFailure("Failed to parse the manifest: \(error.description)")
        }
        guard let files = document["files"]?.arrayValue, let schema = document["fileSchema"]?.stringValue,
            let destination = document["destinationBucket"]?.stringValue
        else { throw ItemReadFailure("The manifest has not the fields of an S3 inventory.") }
        guard document["fileFormat"]?.stringValue ?? "CSV" == "CSV" else {
            throw ItemReadFailure("The inventory's format is not CSV.")
        }
        let names = schema.split(separator: ",").map { name in String(name.drop { $0 == " " }) }
        // The destination is told as an ARN.
        let bucket = destination.split(separator: ":").last.map(String.init) ?? destination
        return (bucket, files.compactMap { $0["key"]?.stringValue }, names)
    }
}
