import FilmThreads
import JSON
import MediaSteps
import Testing

@Suite("What validate notices", .filmThreads)
struct CheckTests {
    @Test("stretches that are black, stand still and are silent are told with their times")
    func stretches() throws {
        let work = try Workplace()
        let source = try work.make(
            "a.mp4",
            [
                "-f", "lavfi", "-i",
                "testsrc2=size=160x90:rate=10:duration=12,drawbox=color=black:t=fill:enable='between(t,2,5.95)',"
                    + "loop=loop=30:size=1:start=80,trim=duration=12,setpts=N/10/TB",
                "-f", "lavfi", "-i", "aevalsrc='if(between(t,3,7),0,0.3*sin(2*PI*440*t))':s=48000:d=12", "-c:v",
                "libx264",
                "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "5", "-c:a", "pcm_s16le", "-f", "mov",
            ])
        let media = try work.validate(source)
        try expect(media["video"]?["black"], is: 2, 6)
        let checks = (media["checks"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        #expect(checks == ["black", "frozen", "silence"])
        try expect(media["audio"]?[0]?["silence"], is: 3, 7)
        let frozen = try #require(media["video"]?["frozen"]?.arrayValue?.last)
        #expect(abs((frozen["startSeconds"]?.doubleValue ?? 0) - 8) <= 0.51)
        #expect((frozen["endSeconds"]?.doubleValue ?? 0) > 10.4)
        let messages = (media["checks"]?.arrayValue ?? []).compactMap { $0["message"]?.stringValue }
        #expect(messages.first == "The picture is black from 00:00:02.000 to 00:00:06.000.")
        #expect((media["checks"]?.arrayValue ?? []).allSatisfy { $0["severity"] == "warn" })
    }

    private func expect(_ value: JSON?, is start: Double, _ end: Double) throws {
        let stretches = try #require(value?.arrayValue)
        #expect(stretches.count == 1)
        let stretch = try #require(stretches.first)
        #expect(abs((stretch["startSeconds"]?.doubleValue ?? 0) - start) <= 0.05)
        #expect(abs((stretch["endSeconds"]?.doubleValue ?? 0) - end) <= 0.05)
    }

    @Test("streams that nothing is made of are left out, with a word")
    func leftOut() throws {
        let work = try Workplace()
        let cover = try work.make(
            "a.mkv",
            [
                "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", "-f", "lavfi", "-i",
                "testsrc2=size=80x46:rate=25:duration=1", "-map", "0", "-map", "1", "-c:v", "libx264", "-preset",
                "ultrafast", "-pix_fmt", "yuv420p",
            ])
        let checks = try work.validate(cover)["checks"]?.arrayValue ?? []
        #expect(checks.first?["message"] == "Stream 1, video of 'h264', is left out.")
        #expect(checks.count == 1)
    }

    @Test("a loud film is held under the peak, a silent one stays silent", arguments: [true, false])
    func loudness(isLoud: Bool) throws {
        let work = try Workplace()
        // Clicks over a quiet tone: brought to -23 LUFS their peaks would pass 0 dBFS.
        let sound = isLoud ? "0.02*sin(2*PI*330*t)+if(lt(mod(t,1),0.0005),0.9,0)" : "0"
        let source = try work.makeClip(
            "a.mov", size: "64x64", seconds: 4, audio: ["-f", "lavfi", "-i", "aevalsrc='\(sound)':s=48000:d=4"],
            ["-c:a", "pcm_s24le"])
        let track = try #require(try Rendition.all(try work.transcode(source), work, kind: "audio").first)
        let (integrated, peak) = try work.loudness(track.path)
        if isLoud {
            #expect(abs(integrated + 23) < 0.5 && peak <= -0.9, "\(integrated) LUFS, \(peak) dBTP")
        } else {
            #expect(track.json["gain"]?.doubleValue == 0)
            #expect(integrated <= -70)
        }
    }

    @Test("loudness is settable, and may be left alone")
    func settable() throws {
        let work = try Workplace()
        let source = try work.makeClip(
            "a.mov", size: "64x64", seconds: 2, audio: ["-f", "lavfi", "-i", "sine=440:sample_rate=48000:duration=2"],
            ["-c:a", "pcm_s16le"])
        for (wish, expected) in [(["integrated": -16] as JSON, -16.0), ("source", -21.76)] {
            let output = try work.run(TranscodeStep(), on: source, [("loudness", wish), ("preset", "ultrafast")])
            let track = try #require(try Rendition.all(output, work, kind: "audio").first)
            #expect(abs(try work.loudness(track.path).integrated - expected) < 0.5)
        }
    }
}
