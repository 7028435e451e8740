import CMedia

/// A dictionary of options for one library call. The libraries take out what they know, so that what is left over
/// afterwards was dropped in silence: ``requireEmpty(after:)`` turns that into a trap.
struct Options: ~Copyable {
    var pointer: OpaquePointer?

    init(_ values: [(String, String)]) {
        pointer = nil
        for (name, value) in values { av_dict_set(&pointer, name, value, 0) }
    }

    deinit {
        var owned = pointer
        av_dict_free(&owned)
    }

    /// Option names are constants of ours; one that the library does not know is our own mistake.
    func requireEmpty(after call: String) {
        var unknown: [String] = []
        var entry: UnsafeMutablePointer<AVDictionaryEntry>?
        while let next = av_dict_get(pointer, "", entry, AV_DICT_IGNORE_SUFFIX) {
            if let key = next.pointee.key { unknown.append(String(cString: key)) }
            entry = next
        }
        precondition(unknown.isEmpty, "\(call) does not know \(unknown.joined(separator: ", "))")
    }
}
