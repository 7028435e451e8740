import Packaging

/// Everything that reads boxes and coded samples: whatever the bytes are, it answers or says why not, and does not trap.
///
/// The first byte chooses: 0 to 3 a file of boxes, 4 to 7 a sample description, 8 to 15 a movie whose samples are read,
/// above that a coded sample behind its codec's record.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 1 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    let rest = Array(bytes.dropFirst())
    switch bytes[0] {
    case 0...3: readFile(rest)
    case 4...7: readDescription(rest)
    case 8...15: readMovie(rest)
    default: readSamples(bytes[0], rest)
    }
    return 0
}

private func readFile(_ bytes: [UInt8]) {
    do {
        let boxes = try BoxTree.read(bytes)
        let lines = BoxListing.lines(boxes, of: bytes)
        precondition(lines.count >= boxes.count, "every box is listed")
        let header = try HeaderFacts(bytes, boxes)
        for box in boxes where box.type == "moof" { _ = try FragmentFacts(box, bytes, header: header) }
    } catch {
        precondition(!"\(error)".isEmpty, "an error says something")
    }
}

private func readMovie(_ bytes: [UInt8]) {
    do {
        let parts = try MovieFile.editedParts(MemoryBytes(bytes))
        precondition((0...1024).contains(parts), "parts are counted, up to a limit")
        guard let movie = try MovieFile(MemoryBytes(bytes)) else { return }
        for index in movie.tracks.indices {
            var samples = movie.samples(of: index)
            var count = 0
            // Tables of equal samples are as long as they say.
            while count < 10_000, let sample = try samples.next() {
                count += 1
                precondition(sample.data.upperBound <= bytes.count, "a sample lies in its file")
            }
        }
        // What was taken of it is a movie that is read without complaint, where its tables fit their fields.
        guard let excerpt = try MovieFile(MemoryBytes(try movie.excerpt())) else {
            preconditionFailure("an excerpt is a movie")
        }
        precondition(excerpt.tracks.count == movie.tracks.count, "an excerpt has all tracks")
    } catch {
        precondition(!"\(error)".isEmpty, "an error says something")
    }
}

private func readDescription(_ bytes: [UInt8]) {
    do {
        let description = try SampleDescription(box: bytes)
        do { _ = try description.vp9() } catch { precondition(!error.message.isEmpty, "an error says something") }
        do { _ = try description.opus() } catch { precondition(!error.message.isEmpty, "an error says something") }
        do { _ = try description.enhancedAC3() } catch {
            precondition(!error.message.isEmpty, "an error says something")
        }
        _ = try description.ac3()
    } catch {
        precondition(!error.message.isEmpty, "an error says something")
    }
}

/// A record behind two bytes of length, then a sample.
private func readSamples(_ kind: UInt8, _ bytes: [UInt8]) {
    guard bytes.count > 2 else { return }
    let length = min(Int(bytes[0]) << 8 | Int(bytes[1]), bytes.count - 2)
    let record = Array(bytes[2..<2 + length])
    let sample = Array(bytes[(2 + length)...])
    do {
        let codec: CodecConfiguration =
            switch kind % 4 {
            case 0: .avc(try AVCConfiguration(record: record))
            case 1: .hevc(try HEVCConfiguration(record: record))
            case 2: .av1(try AV1Configuration(record: record))
            default: .vp9(try VP9Configuration(record: record))
            }
        let track = try TrackDescription(
            name: "v", codec: codec, media: .video(.init(width: 16, height: 16)), timeScale: 1)
        let scheme: ProtectionScheme = kind & 0x80 == 0 ? .cbcs : .cenc
        guard var layout = SubsampleLayout(track, scheme: scheme) else { return }
        for _ in 0..<2 {
            let parts = try sample.withUnsafeBytes { bytes throws(PackagingError) in try layout.subsamples(of: bytes) }
            let covered = parts.reduce(0) { $0 + Int($1.clear) + Int($1.protected) }
            precondition(covered == sample.count, "subsamples cover their sample: \(covered) of \(sample.count)")
            precondition(
                scheme == .cbcs || parts.allSatisfy { $0.protected % 16 == 0 }, "cenc protects whole blocks")
        }
    } catch {
        precondition(!"\(error)".isEmpty, "an error says something")
    }
}
