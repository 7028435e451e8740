import Encodings
import Glibc
public import JSON
import MediaFiles
public import StepContracts

/// Joins what was encoded of a film in parts: each rung's pictures one after the other, untouched, with the sound and
/// text that were encoded whole beside them.
///
/// Each part must hold as many pictures as it says, from its first place to its last, in the same codec configuration:
/// the joined film has the pictures and times that one encode would have given.
public struct JoinStep: LocalStep {
    public static var contract: StepContract { .join }

    public init() {}

    public func run(input: JSON, in surroundings: StepSurroundings) throws(StepFailure) -> JSON {
        let problems = JoinStep.contract.problems(withInput: input)
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        let parts = (input["parts"]?.arrayValue ?? []).map { $0.arrayValue ?? [] }
        guard let first = parts.first, !first.isEmpty else { throw .parametersInvalid("join needs at least one part") }
        let sound = input["sound"]?.arrayValue ?? []
        let total = parts.reduce(0) { $0 + ($1.first.flatMap(JoinStep.frames(of:)) ?? 0) }
        var meter = ProgressMeter("join", totalSeconds: nil, surroundings)
        var joined: [JSON] = []
        // Media time of all rungs, which are joined one after the other.
        var done = 0.0
        for rendition in first {
            let name = rendition["name"]?.stringValue ?? ""
            guard JoinStep.isName(name) else { throw .parametersInvalid("'\(name)' is no name of a rendition") }
            var pieces: [(path: String, frames: Int)] = []
            var scores: [(score: RungScore, frames: Int)] = []
            for (index, part) in parts.enumerated() {
                guard part.count == first.count, let piece = part.first(where: { $0["name"]?.stringValue == name }),
                    let key = piece["file"]?["key"]?.stringValue, let path = surroundings.files[key],
                    let frames = JoinStep.frames(of: piece)
                else {
                    throw .parametersInvalid(
                        "part \(index) has no rendition '\(name)' with its frames, or it was not brought")
                }
                pieces.append((path, frames))
                if let score = RungScore(piece["score"]) { scores.append((score, frames)) }
            }
            let count = pieces.reduce(0) { $0 + $1.frames }
            guard count == total else {
                throw .parametersInvalid(
                    "the parts of '\(name)' have \(counted(count, "picture")), not \(total) as the first rendition's")
            }
            let rung: (bytes: Int, seconds: Double)
            do throws(MediaError) {
                rung = try JoinStep.join(pieces, to: "\(surroundings.outputDirectory)/\(name).mp4") { seconds in
                    meter.continues(mediaSeconds: done + seconds)
                }
            } catch {
                guard error != .stopped else { throw .stopped }
                throw StepFailure(error).concerning("rendition '\(name)'")
            }
            done += rung.seconds
            var document = rendition
            document["file"] = ["file": .string("\(name).mp4")]
            document["frames"] = .integer(total)
            document["bytes"] = .integer(try JoinStep.size(of: "\(surroundings.outputDirectory)/\(name).mp4"))
            document["bitRate"] = .integer(rung.seconds > 0 ? Int(Double(rung.bytes) * 8 / rung.seconds) : 0)
            document["durationSeconds"] = .seconds(rung.seconds)
            document["parts"] = .integer(parts.count)
            if scores.count == parts.count {
                document["score"] = RungScore(scores).document
                document["scores"] = RungScore.list(scores.map(\.score))
            }
            joined.append(document)
        }
        let renditions = joined + sound
        var downloading = ProgressMeter("download", totalSeconds: nil, surroundings)
        let download: JSON? =
            input["download"]?.boolValue == true
            ? try DownloadFile.write(
                renditions, directory: surroundings.outputDirectory,
                path: { rendition throws(StepFailure) in try JoinStep.path(of: rendition, surroundings) },
                continues: { seconds in downloading.continues(mediaSeconds: seconds) }) : JSON?.none
        return .members(
            ("renditions", .array(renditions)), ("frames", .integer(total)), ("download", download))
    }

    /// Where a rendition lies: made here, or brought.
    private static func path(of rendition: JSON, _ surroundings: StepSurroundings) throws(StepFailure) -> String {
        if let file = rendition["file"]?["file"]?.stringValue { return "\(surroundings.outputDirectory)/\(file)" }
        guard let key = rendition["file"]?["key"]?.stringValue, let path = surroundings.files[key] else {
            throw .parametersInvalid("a rendition of 'sound' has no file, or it was not brought")
        }
        return path
    }

    /// How many pictures a part's rendition says it has; nil where no part has as many, or as few.
    private static func frames(of piece: JSON) -> Int? {
        piece["frames"]?.integerValue.flatMap { (1..<(1 << 40)).contains($0) ? $0 : nil }
    }

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.first != 0x2E
            && name.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || (0x30...0x39).contains($0)
                    || [0x2D, 0x2E, 0x5F].contains($0)
            }
    }

    /// Copies the pieces' packets; `frames` is what each must hold.
    private static func join(
        _ pieces: [(path: String, frames: Int)], to path: String, continues: (Double) -> Bool
    ) throws(MediaError) -> (bytes: Int, seconds: Double) {
        let packet = try Packet()
        var muxer: Muxer?
        var timeBase = Rational(1, 1)
        var configuration: [UInt8] = []
        var offset: Int64 = 0
        for (index, piece) in pieces.enumerated() {
            let reader = try PacketReader(path: piece.path)
            guard let stream = reader.streams.first, reader.streams.count == 1, stream.kind == .video else {
                throw MediaError(.invalid, "part \(index) is no film of one track")
            }
            if muxer == nil {
                muxer = try Muxer(path: path, copying: [(reader, 0)])
                timeBase = stream.timeBase
                configuration = reader.configuration(ofStream: 0)
            }
            guard stream.timeBase == timeBase, reader.configuration(ofStream: 0) == configuration else {
                throw MediaError(.invalid, "part \(index) was encoded in another way than the first")
            }
            reader.select(stream: 0)
            var times: (first: Int64, last: Int64, end: Int64)?
            var count = 0
            while try reader.read(into: packet) {
                guard let time = packet.timestamp, packet.decodingTimestamp != nil else {
                    throw MediaError(.invalid, "a picture of part \(index) has no time")
                }
                if count == 0, !packet.isKeyframe {
                    throw MediaError(.invalid, "part \(index) begins with no keyframe")
                }
                count += 1
                times = (
                    min(times?.first ?? time, time), max(times?.last ?? time, time),
                    max(times?.end ?? 0, time + packet.duration)
                )
                packet.shift(by: offset)
                try muxer?.write(packet)
                if count % 256 == 0, !continues(Double(offset + time) * timeBase.value) { throw .stopped }
            }
            let interval = times.map { count > 1 ? ($0.last - $0.first) / Int64(count - 1) : $0.end - $0.first } ?? 0
            guard let times, count == piece.frames, times.first == 0, times.end == interval * Int64(count) else {
                throw MediaError(
                    .invalid,
                    "part \(index) has \(counted(count, "picture")) from \(times?.first ?? 0) to \(times?.end ?? 0), not \(piece.frames) from 0"
                )
            }
            offset += times.end
        }
        guard let muxer else { throw MediaError(.invalid, "there is nothing to join") }
        try muxer.finish()
        return (muxer.packetBytes, Double(offset) * timeBase.value)
    }

    private static func size(of path: String) throws(StepFailure) -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw .crashed("\(path) was written and is gone: \(String(cString: strerror(errno)))")
        }
        return Int(status.st_size)
    }
}
