import Testing

/// A film made by ffmpeg for a test.
struct Clip: Sendable, CustomStringConvertible {
    var name: String
    var rate = "25"
    var frames = 150
    /// Pictures between key frames.
    var group = 50
    var reordering = true
    /// Languages of its sound tracks; "und" sets none.
    var languages: [String] = ["eng"]
    var sampleRate = 48000
    var channels = 2
    var size = "160x90"
    var aspect = "1"

    var description: String { name }

    static let all: [Clip] = [
        Clip(name: "24 fps, reordered", rate: "24", frames: 145, group: 48),
        Clip(
            name: "29.97 fps, two languages", rate: "30000/1001", frames: 200, group: 60, languages: ["eng", "deu"]),
        Clip(
            name: "30 fps, no reordering, no sound", rate: "30", frames: 130, group: 30, reordering: false,
            languages: []),
        Clip(name: "one picture", rate: "25", frames: 1, languages: []),
        Clip(name: "two pictures with sound", rate: "25", frames: 2),
        Clip(
            name: "44.1 kHz mono, long groups", frames: 190, group: 140, languages: ["und"], sampleRate: 44100,
            channels: 1),
        Clip(name: "60 fps, wide samples", rate: "60", frames: 260, group: 60, size: "120x90", aspect: "4/3"),
    ]

    /// Writes the film as a progressive MP4.
    func write(to path: String) throws {
        var arguments = ["-f", "lavfi", "-i", "testsrc2=s=\(size):r=\(rate),setsar=\(aspect)"]
        for (index, _) in languages.enumerated() {
            arguments += ["-f", "lavfi", "-i", "sine=frequency=\(300 + 200 * index):r=\(sampleRate)"]
        }
        for index in 0...languages.count { arguments += ["-map", "\(index)"] }
        arguments += [
            "-frames:v", "\(frames)", "-c:v", "libx264", "-preset", "veryfast", "-bf", reordering ? "3" : "0", "-g",
            "\(group)", "-keyint_min", "\(group)", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac",
            "\(channels)", "-shortest", "-t", "60",
        ]
        for (index, language) in languages.enumerated() where language != "und" {
            arguments += ["-metadata:s:a:\(index)", "language=\(language)"]
        }
        // The end of the sound is cut at the picture's, to the sample.
        let parts = rate.split(separator: "/").compactMap { Double($0) }
        let seconds = Double(frames) * (parts.count == 2 ? parts[1] / parts[0] : 1 / (parts.first ?? 25))
        arguments += ["-af", "atrim=end=\(seconds)"]
        if languages.isEmpty { arguments.removeLast(2) }
        try Tool.ffmpeg(arguments + [path])
    }
}
