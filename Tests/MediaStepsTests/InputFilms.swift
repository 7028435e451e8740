import Foundation
import Testing

/// Films as people bring them, each a second or two long and small, and what must come of each.
struct InputFilm: Sendable, CustomTestStringConvertible {
    let name: String
    /// Pictures in the source as its own player shows them, and in each rung; nil where there are as many.
    var pictures: Int
    var shown: Int?
    var rate = "25/1"
    var size = "160x90"
    var scan = "progressive"
    /// Channels of each sound track, and the languages of each.
    var sounds: [Int] = []
    var languages: [String] = []
    var texts: [String] = []
    /// Names of the checks that validate warns of or will mend.
    var checks: [String] = []
    let make: @Sendable (Workplace) throws -> String
    var testDescription: String { name }

    static let seconds = 2.0

    private static func picture(_ size: String = "160x90", _ rate: String = "25", _ more: String = "") -> [String] {
        ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=\(rate):duration=2\(more)"]
    }
    private static func tone(_ hertz: Int = 440, _ rate: Int = 48000, _ more: String = "") -> [String] {
        ["-f", "lavfi", "-i", "sine=\(hertz):sample_rate=\(rate):duration=2\(more)"]
    }
    private static let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "12"]
    private static let aac = ["-c:a", "aac"]
    private static let hdr = "log-level=error:colorprim=bt2020:colormatrix=bt2020nc:transfer="

    static let all: [InputFilm] = [
        InputFilm(name: "index at the end", pictures: 50, sounds: [1]) { work in
            try work.make("a.mp4", picture() + tone() + h264 + aac)
        },
        InputFilm(name: "edit list that begins inside a GOP", pictures: 34) { work in
            let whole = try work.make("whole.mp4", picture() + h264 + ["-bf", "2"])
            return try work.make("a.mp4", ["-ss", "0.64", "-i", whole, "-c", "copy"])
        },
        InputFilm(name: "sound that begins late", pictures: 50, sounds: [1]) { work in
            try work.make("a.mp4", picture() + ["-itsoffset", "0.3"] + tone() + h264 + aac + ["-t", "2"])
        },
        InputFilm(name: "pictures that begin late", pictures: 50, sounds: [1]) { work in
            try work.make(
                "a.mkv", ["-itsoffset", "0.3"] + picture() + tone() + h264 + aac)
        },
        InputFilm(
            name: "variable rate", pictures: 38, shown: 60, rate: "30/1", checks: ["variableFrameRate"]
        ) { work in
            try work.make(
                "a.mp4", picture("160x90", "30", ",select='gt(n,25)+not(mod(n,8))'") + h264 + ["-fps_mode", "vfr"])
        },
        InputFilm(
            name: "a camera's trembling clock", pictures: 60, rate: "30/1", checks: ["variableFrameRate"]
        ) { work in
            try work.make(
                "a.mp4",
                picture("160x90", "30", ",settb=1/90000,setpts='PTS+600*sin(N)'") + h264
                    + ["-fps_mode", "passthrough", "-video_track_timescale", "90000", "-enc_time_base", "1:90000"])
        },
        InputFilm(name: "turned by the display matrix", pictures: 50, size: "90x160", checks: ["rotation"]) { work in
            let plain = try work.make("plain.mp4", picture() + h264)
            return try work.make("a.mp4", ["-i", plain, "-c", "copy", "-metadata:s:v", "rotate=90"])
        },
        InputFilm(name: "portrait", pictures: 50, size: "90x160") { work in
            try work.make("a.mp4", picture("90x160") + h264)
        },
        InputFilm(name: "interlaced", pictures: 50, size: "160x96", scan: "interlaced", checks: ["interlaced"]) {
            work in
            try work.make(
                "a.mp4", picture("160x96", "50", ",tinterlace=interleave_top") + h264 + ["-flags", "+ildct+ilme"])
        },
        InputFilm(
            name: "interlaced, and the file does not say so", pictures: 50, size: "160x96", scan: "interlaced",
            checks: ["interlaced"]
        ) { work in
            try work.make(
                "a.avi", picture("160x96", "50", ",tinterlace=interleave_top,setfield=prog") + ["-c:v", "ffv1"])
        },
        InputFilm(
            name: "PAL as broadcast: fields, 4:2:2, samples of 16:15", pictures: 50, size: "192x144",
            scan: "interlaced",
            sounds: [2], checks: ["interlaced", "pixelAspect"]
        ) { work in
            try work.make(
                "a.mxf",
                picture("180x144", "50", ",tinterlace=interleave_top,format=yuv422p,setsar=16/15") + tone()
                    + ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "3", "-c:a", "pcm_s16le", "-ac", "2"])
        },
        InputFilm(
            name: "24 pictures telecined to 30", pictures: 60, shown: 48, rate: "24000/1001", size: "160x96",
            scan: "telecined", checks: ["telecined"]
        ) { work in
            try work.make(
                "a.mpg",
                ["-f", "lavfi", "-i", "testsrc2=size=160x96:rate=24000/1001:duration=2,telecine=pattern=23"]
                    + ["-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "3"])
        },
        InputFilm(name: "5.1", pictures: 50, sounds: [2, 6]) { work in
            try work.make("a.mkv", picture() + tone() + h264 + ["-c:a", "ac3", "-ac", "6"])
        },
        InputFilm(name: "7.1 in FLAC", pictures: 50, sounds: [2, 6]) { work in
            try work.make("a.mkv", picture() + tone() + h264 + ["-c:a", "flac", "-ac", "8"])
        },
        InputFilm(name: "no sound", pictures: 50) { work in
            try work.make("a.mp4", picture() + h264 + ["-movflags", "+faststart"])
        },
        InputFilm(name: "mono of 22 kHz and 8 bits", pictures: 50, sounds: [1]) { work in
            try work.make("a.avi", picture() + tone(440, 22050) + ["-c:v", "mpeg4", "-q:v", "3", "-c:a", "pcm_u8"])
        },
        InputFilm(name: "very quiet", pictures: 50, sounds: [2], checks: ["quiet"]) { work in
            try work.make(
                "a.mov", picture() + tone(440, 48000, ",volume=-30dB") + h264 + ["-c:a", "pcm_s24le", "-ac", "2"])
        },
        InputFilm(
            name: "three languages", pictures: 50, sounds: [1, 1, 1], languages: ["eng", "fre", "ger"]
        ) { work in
            try work.make(
                "a.mkv",
                picture() + tone(440) + tone(550) + tone(660) + ["-map", "0", "-map", "1", "-map", "2", "-map", "3"]
                    + h264 + aac
                    + ["eng", "fre", "ger"].enumerated().flatMap { ["-metadata:s:a:\($0)", "language=\($1)"] })
        },
        InputFilm(name: "SubRip inside", pictures: 50, texts: ["eng"]) { work in
            try withText(work, "a.mkv", ["-c:s", "subrip"])
        },
        InputFilm(name: "3GPP timed text inside", pictures: 50, texts: ["eng"]) { work in
            try withText(work, "a.mp4", ["-c:s", "mov_text"])
        },
        InputFilm(name: "ASS inside", pictures: 50, texts: ["eng"]) { work in
            try withText(work, "a.mkv", ["-c:s", "ass"])
        },
        InputFilm(name: "WebVTT inside", pictures: 50, texts: ["eng"]) { work in
            try withText(work, "a.mkv", ["-c:s", "webvtt"])
        },
        InputFilm(name: "321x181 in 4:4:4", pictures: 50, size: "320x180", checks: ["oddSize"]) { work in
            try work.make(
                "a.mkv",
                picture("322x182", "25", ",format=yuv444p,crop=321:181:0:0:exact=1")
                    + ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"])
        },
        InputFilm(name: "anamorphic", pictures: 50, size: "160x90", checks: ["pixelAspect"]) { work in
            try work.make("a.mp4", picture("120x90", "25", ",setsar=4/3") + h264)
        },
        InputFilm(name: "HDR10", pictures: 50, checks: ["highDynamicRange"]) { work in
            try work.make(
                "a.mp4",
                picture() + ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"]
                    + ["-x265-params", hdr + "smpte2084:hdr10=1:max-cll=1000,400"])
        },
        InputFilm(name: "HLG", pictures: 50, checks: ["highDynamicRange"]) { work in
            try work.make(
                "a.mkv",
                picture() + ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"]
                    + ["-x265-params", hdr + "arib-std-b67"])
        },
        InputFilm(name: "10 bits in 4:2:2", pictures: 50) { work in
            try work.make(
                "a.mp4", picture() + ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv422p10le"])
        },
        InputFilm(name: "ProRes", pictures: 50, rate: "25/1", sounds: [2]) { work in
            try work.make(
                "a.mov",
                picture() + tone() + ["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le", "-c:a", "pcm_s16le", "-ac", "2"])
        },
        InputFilm(name: "DivX in AVI with MP3", pictures: 50, sounds: [2]) { work in
            try work.make(
                "a.avi",
                picture() + tone() + ["-c:v", "mpeg4", "-vtag", "DX50", "-bf", "2", "-q:v", "3"]
                    + ["-c:a", "libmp3lame", "-ac", "2"])
        },
        InputFilm(name: "VP9 and Opus in WebM", pictures: 50, sounds: [2]) { work in
            try work.make(
                "a.webm",
                picture() + tone() + ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]
                    + ["-c:a", "libopus", "-ac", "2"])
        },
        InputFilm(name: "AV1 of 24 in Matroska", pictures: 48, rate: "24/1") { work in
            try work.make(
                "a.mkv",
                picture("160x90", "24") + ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"])
        },
        InputFilm(
            name: "transport stream with errors", pictures: 50, sounds: [1], checks: ["damage"]
        ) { work in
            let whole = try work.make("whole.ts", picture() + tone() + h264 + aac)
            var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
            // A payload of one packet in the middle, all but its header.
            let middle = bytes.count / 188 / 2
            // The video's packets have PID 0x100; this one begins no picture and has no adaptation field.
            let found = (middle..<bytes.count / 188).first { number in
                let head = bytes[(number * 188)..<(number * 188 + 4)].map { $0 }
                return head[1] == 0x01 && head[2] == 0x00 && head[3] & 0x30 == 0x10
            }
            let packet = try #require(found)
            for index in (packet * 188 + 20)..<(packet * 188 + 180) { bytes[index] = 0xA5 }
            try Data(bytes).write(to: URL(fileURLWithPath: work.path("a.ts")))
            return work.path("a.ts")
        },
        InputFilm(name: "an extension that lies", pictures: 50) { work in
            let film = try work.make("whole.mp4", picture() + h264)
            try FileManager.default.moveItem(atPath: film, toPath: work.path("a.avi"))
            return work.path("a.avi")
        },
        InputFilm(name: "one picture", pictures: 1) { work in
            try work.make("a.mp4", picture() + h264 + ["-frames:v", "1"])
        },
        InputFilm(name: "a hostile file name", pictures: 50) { work in
            let film = try work.make("whole.mp4", picture() + h264)
            let name = work.path(
                "a'\"\n<script>alert(1)</script> %s .mp4".replacingOccurrences(of: "/", with: "\u{2044}"))
            try FileManager.default.moveItem(atPath: film, toPath: name)
            return name
        },
    ]

    static let subtitles =
        "1\n00:00:00,250 --> 00:00:00,901\n<i>Hello</i> & goodbye\n\n2\n00:00:01,003 --> 00:00:01,750\nAgain\nand again\n"

    private static func withText(_ work: Workplace, _ name: String, _ arguments: [String]) throws -> String {
        try Data(subtitles.utf8).write(to: URL(fileURLWithPath: work.path("text.srt")))
        return try work.make(
            name,
            picture() + ["-i", work.path("text.srt"), "-map", "0", "-map", "1"] + h264 + arguments
                + ["-metadata:s:s:0", "language=eng"])
    }
}
