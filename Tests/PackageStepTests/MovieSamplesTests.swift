import FilmThreads
import Foundation
import MediaSteps
import Packaging
import StepContracts
import TemporaryFolder
import Testing

/// What packaging reads of a movie's tables, compared with what libavformat reads of them: of every film of these tests.
@Suite(.filmThreads) struct MovieSamplesTests {
    /// Ways of ffmpeg's to write the same samples down.
    private static let layouts = [
        ["-movflags", "+faststart"], ["-movflags", "+frag_keyframe+empty_moov+default_base_moof"],
        ["-movflags", "+frag_keyframe", "-frag_duration", "300000"],
        ["-movflags", "+frag_every_frame+omit_tfhd_offset+empty_moov"], ["-f", "mov"],
    ]

    @Test func readsEveryLayout() throws {
        let scratch = try TemporaryFolder()
        let (film, copy) = (scratch.path + "/film.mp4", scratch.path + "/copy.mp4")
        try Clip(name: "film", rate: "30000/1001", frames: 90, group: 30, languages: ["eng", "deu"]).write(to: film)
        for layout in Self.layouts {
            try Tool.ffmpeg(["-i", film, "-map", "0", "-c", "copy"] + layout + [copy])
            try Self.compare(copy, "\(layout)")
        }
    }

    static func compare(_ file: String, _ name: String) throws {
        let movie = try #require(try MovieFile(MemoryBytes([UInt8](Data(contentsOf: URL(filePath: file))))))
        let expected = try packets(of: file)
        for index in movie.tracks.indices {
            let (read, theirs) = (try samples(of: movie, index), expected[index] ?? [])
            #expect(read.count == theirs.count, "\(name), track \(index)")
            for (place, (own, other)) in zip(read, theirs).enumerated() {
                #expect(own == other, "\(name), track \(index), sample \(place + 1)")
            }
        }
        // Of an excerpt the library says the same as of the whole.
        let excerpt = file + ".excerpt"
        try Data(try movie.excerpt()).write(to: URL(filePath: excerpt))
        let streams = try [file, excerpt].map { file in
            try Tool.run(
                "ffprobe",
                [
                    "-v", "error", "-show_entries",
                    "stream=codec_name,width,height,sample_aspect_ratio,sample_rate,channels,time_base,has_b_frames:"
                        + "stream_tags=language", "-of", "csv=p=0", file,
                ]
            ).text
        }
        #expect(!streams[0].isEmpty && streams[0] == streams[1], "\(name)")
    }

    /// Time of showing, time of decoding from the first, place, size and whether decoding can start there.
    private struct Row: Equatable {
        let shown: Int64
        let decoded: Int64
        let place: Int
        let size: Int
        let isSync: Bool
    }

    private static func samples(of movie: MovieFile, _ index: Int) throws -> [Row] {
        var samples = movie.samples(of: index)
        var rows: [Row] = []
        var first: Int64?
        while let sample = try samples.next() {
            first = first ?? sample.decodeTime
            rows.append(
                Row(
                    shown: sample.presentationTime, decoded: sample.decodeTime - (first ?? 0),
                    place: sample.data.lowerBound, size: sample.data.count,
                    isSync: sample.isSync || movie.tracks[index].handler == "soun"))
        }
        return rows
    }

    private static func packets(of file: String) throws -> [Int: [Row]] {
        let output = try Tool.run(
            "ffprobe",
            [
                "-v", "error", "-advanced_editlist", "0", "-show_entries", "packet=stream_index,pts,dts,size,pos,flags",
                "-of", "csv=p=0", file,
            ])
        try #require(output.status == 0, "\(output.messages)")
        var rows: [Int: [Row]] = [:]
        var first: [Int: Int64] = [:]
        for line in output.text.split(separator: "\n") {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            let stream = try #require(Int(fields[0]))
            let (shown, decoded) = try (#require(Int64(fields[1])), #require(Int64(fields[2])))
            let start = first[stream] ?? decoded
            first[stream] = start
            rows[stream, default: []].append(
                Row(
                    shown: shown, decoded: decoded - start, place: try #require(Int(fields[4])),
                    size: try #require(Int(fields[3])), isSync: fields[5].hasPrefix("K")))
        }
        return rows
    }

    /// What is encrypted already is not packaged as if it were clear.
    @Test func refusesWhatIsEncrypted() throws {
        let scratch = try TemporaryFolder()
        try Clip(name: "film", frames: 50, languages: []).write(to: scratch.path + "/film.mp4")
        try Tool.ffmpeg([
            "-i", scratch.path + "/film.mp4", "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", "-encryption_key",
            "00112233445566778899aabbccddeeff", "-encryption_kid", "00112233445566778899aabbccddee00",
            scratch.path + "/secret.mp4",
        ])
        let failure = try #require(throws: StepFailure.self) {
            _ = try LocalPackage.run(
                [LocalPackage.Input(path: scratch.path + "/secret.mp4")], writesHLS: true, writesDASH: false,
                directory: scratch.path + "/out")
        }
        #expect(failure.error == "Showrunner.SourceUnsupported" && failure.cause.contains("encrypted already"))
    }
}
