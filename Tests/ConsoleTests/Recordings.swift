import Engine
import Interpreter
import JSON
import StepContracts

/// Executions of the ingest machine as an engine recorded them, moved to end at a given instant.
struct Recordings {
    /// Microseconds since 1970: when the recordings are looked at.
    let now: Int64

    private func ago(_ seconds: Double) -> Int64 { now - Int64(seconds * 1_000_000) }

    static let definition = """
        {"Comment":"An uploaded film becomes a playable title.","StartAt":"Validate","States":{
        "Validate":{"Type":"Task","Resource":"arn:aws:states:::showrunner:validate","ResultPath":"$.media","Next":"Encode",
        "Retry":[{"ErrorEquals":["Showrunner.StorageUnavailable"],"IntervalSeconds":2,"MaxAttempts":6,"JitterStrategy":"FULL"}],
        "Catch":[{"ErrorEquals":["Showrunner.SourceUnsupported"],"ResultPath":"$.failure","Next":"Refuse"}]},
        "Encode":{"Type":"Parallel","ResultPath":"$.encoded","Next":"Package","Branches":[
        {"StartAt":"Transcode","States":{"Transcode":{"Type":"Task","Resource":"arn:aws:states:::showrunner:transcode","End":true}}},
        {"StartAt":"Has pictures","States":{"Has pictures":{"Type":"Choice","Choices":[{"Variable":"$.media.video","IsPresent":true,"Next":"Thumbnails"}],"Default":"No pictures"},
        "Thumbnails":{"Type":"Task","Resource":"arn:aws:states:::showrunner:thumbnail","End":true},"No pictures":{"Type":"Pass","Result":{},"End":true}}}]},
        "Package":{"Type":"Task","Resource":"arn:aws:states:::showrunner:package","ResultPath":"$.package","Next":"Publish"},
        "Publish":{"Type":"Task","Resource":"arn:aws:states:::showrunner:publish","End":true},
        "Refuse":{"Type":"Fail","Error":"Ingest.Refused","Cause":"The source cannot be used."}}}
        """

    static let input: JSON = [
        "source": "http://127.0.0.1:8080/objects/uploads/0191f4c2/elf.mkv", "title": "Elf",
        "metadata": ["genres": ["Comedy", "Family"], "year": 2003], "protection": "none",
    ]

    static let media: JSON = [
        "source": [
            "url": "http://127.0.0.1:8080/objects/uploads/0191f4c2/elf.mkv", "bytes": 4_812_004, "sha256": "9f2c",
        ],
        "container": "matroska,webm", "durationSeconds": 12.1, "bitRate": 3_181_490,
        "video": [
            "index": 0, "codec": "h264", "profile": "High", "width": 720, "height": 480, "displayWidth": 720,
            "displayHeight": 480, "frameRate": "30000/1001", "frames": 363, "rotation": 0,
            "sampleAspectRatio": "1:1", "pixelFormat": "yuv420p", "bitDepth": 8, "startSeconds": 0,
            "durationSeconds": 12.1,
        ],
        "audio": [["index": 1, "codec": "aac", "sampleRate": 48_000, "channels": 2, "language": "eng"]],
        "subtitles": [],
    ]

    func view(
        _ id: String, machine: String = "ingest", title: String?, status: RunStatus, started: Double,
        ended: Double? = nil, error: String? = nil, cause: String? = nil, current: [String] = [],
        progress: RunProgress? = nil
    ) -> RunView {
        var view = RunView(
            executionARN: "arn:aws:states:us-east-1:000000000000:execution:\(machine):upload-\(id)", id: id,
            machine: machine, name: "upload-\(id)", title: title, status: status, startDateMicroseconds: ago(started),
            stopDateMicroseconds: ended.map(ago), error: error, cause: cause, current: current, progress: progress)
        if status == .running || status == .succeeded {
            view.redriveRefusal = "Execution is \(status.rawValue) and cannot be redriven"
        }
        return view
    }

    /// In the middle of its encode.
    var running: RunDetail {
        let report = StepProgress(
            stage: "encode", mediaSeconds: 8.24, totalSeconds: 12.1, frames: 247, speed: 1.9,
            parts: [
                .init(name: "video-1080p", share: 0.62), .init(name: "video-720p", share: 0.68),
                .init(name: "video-480p", share: 0.71), .init(name: "audio-eng", share: 1),
            ])
        return RunDetail(
            run: view(
                "0191f4c2-7d11-7a60-9c51-1f00c8a10001", title: "Elf", status: .running, started: 134,
                current: ["Encode", "Transcode"], progress: RunProgress(report)),
            input: Self.input, definition: Self.definition,
            states: [
                StateEntryView(
                    entry: 1, name: "Validate", type: "Task", status: .succeeded, attempts: 1, worker: "worker-1",
                    enteredAtMicroseconds: ago(134), exitedAtMicroseconds: ago(119), input: Self.input,
                    output: Self.media, resource: "arn:aws:states:::showrunner:validate"),
                StateEntryView(
                    entry: 2, name: "Encode", type: "Parallel", status: .running, enteredAtMicroseconds: ago(119),
                    input: Self.media),
                StateEntryView(
                    entry: 3, name: "Transcode", type: "Task", path: "Encode[0]", status: .running, attempts: 2,
                    worker: "worker-2", enteredAtMicroseconds: ago(119), input: Self.media,
                    resource: "arn:aws:states:::showrunner:transcode"),
                StateEntryView(
                    entry: 4, name: "Has pictures", type: "Choice", path: "Encode[1]", status: .succeeded,
                    enteredAtMicroseconds: ago(119), exitedAtMicroseconds: ago(119), input: Self.media,
                    output: Self.media),
                StateEntryView(
                    entry: 5, name: "Thumbnails", type: "Task", path: "Encode[1]", status: .retrying, attempts: 1,
                    worker: "worker-1", enteredAtMicroseconds: ago(119), input: Self.media,
                    error: "Showrunner.StorageUnavailable",
                    cause: "PUT http://127.0.0.1:9000/media/…/sprite-1.jpg answered 503 for 30 s.",
                    resource: "arn:aws:states:::showrunner:thumbnail", nextAttemptAtMicroseconds: now + 6_000_000),
            ],
            progress: [EntryProgress(entry: 3, state: "Transcode", progress: report)])
    }

    /// Its source is broken in the middle.
    var failed: RunDetail {
        let cause =
            "Stream 0 (h264) cannot be decoded at 00:12:40.120, byte 804213551 of the file: the decoder says "
            + "\"Invalid data found when processing input\" (invalid NAL unit size, 21 frames lost before the next "
            + "keyframe at 00:12:42.208). The container claims 40320 frames, 18243 were read. Upload the file again, "
            + "or cut it before this place."
        var input = Self.input
        input["title"] = "Cosmos ep. 3"
        return RunDetail(
            run: view(
                "0191f4b0-2210-7f33-8a4e-7be05d4a0002", title: "Cosmos ep. 3", status: .failed, started: 8040,
                ended: 7320, error: "Showrunner.SourceInvalid", cause: cause),
            input: input, definition: Self.definition,
            states: [
                StateEntryView(
                    entry: 1, name: "Validate", type: "Task", status: .succeeded, attempts: 1, worker: "worker-1",
                    enteredAtMicroseconds: ago(8040), exitedAtMicroseconds: ago(8010), input: input,
                    output: Self.media, resource: "arn:aws:states:::showrunner:validate"),
                StateEntryView(
                    entry: 2, name: "Encode", type: "Parallel", status: .failed, enteredAtMicroseconds: ago(8010),
                    exitedAtMicroseconds: ago(7320), input: Self.media, error: "Showrunner.SourceInvalid", cause: cause),
                StateEntryView(
                    entry: 3, name: "Transcode", type: "Task", path: "Encode[0]", status: .failed, attempts: 1,
                    worker: "worker-2", enteredAtMicroseconds: ago(8010), exitedAtMicroseconds: ago(7320),
                    input: Self.media, error: "Showrunner.SourceInvalid", cause: cause,
                    resource: "arn:aws:states:::showrunner:transcode"),
                StateEntryView(
                    entry: 4, name: "Has pictures", type: "Choice", path: "Encode[1]", status: .succeeded,
                    enteredAtMicroseconds: ago(8010), exitedAtMicroseconds: ago(8010), input: Self.media,
                    output: Self.media),
                StateEntryView(
                    entry: 5, name: "Thumbnails", type: "Task", path: "Encode[1]", status: .aborted, attempts: 1,
                    worker: "worker-1", enteredAtMicroseconds: ago(8010), exitedAtMicroseconds: ago(7320),
                    input: Self.media, resource: "arn:aws:states:::showrunner:thumbnail"),
            ])
    }

    /// Published.
    var succeeded: RunDetail {
        let names = ["Validate", "Encode", "Transcode", "Has pictures", "Thumbnails", "Package", "Publish"]
        let times: [(Double, Double)] = [
            (3700, 3692), (3692, 3610), (3692, 3610), (3692, 3692), (3692, 3671), (3610, 3604), (3604, 3603.9),
        ]
        let output: JSON = [
            "titleId": "t-crystal", "hls": "http://127.0.0.1:8081/media/3fd1/master.m3u8",
            "dash": "http://127.0.0.1:8081/media/3fd1/manifest.mpd",
        ]
        var detail = RunDetail(
            run: view(
                "0191f4a1-0044-7b10-b6d0-44ce01550003",
                title: "Crystal, the tale of a very long name that does not fit",
                status: .succeeded, started: 3700, ended: 3603.9),
            input: Self.input, output: output, definition: Self.definition,
            states: zip(names, times).enumerated().map { index, item in
                let type = ["Encode": "Parallel", "Has pictures": "Choice"][item.0] ?? "Task"
                let path =
                    ["Transcode": "Encode[0]", "Has pictures": "Encode[1]", "Thumbnails": "Encode[1]"][item.0] ?? ""
                return StateEntryView(
                    entry: index + 1, name: item.0, type: type, path: path, status: .succeeded,
                    attempts: type == "Task" ? 1 : 0, worker: type == "Task" ? "worker-1" : nil,
                    enteredAtMicroseconds: ago(item.1.0), exitedAtMicroseconds: ago(item.1.1), input: Self.media,
                    output: item.0 == "Publish" ? output : Self.media)
            })
        detail.usage = RunUsage([
            (
                "Transcode",
                AttemptUsage(
                    cpuMilliseconds: 150_000, wallMilliseconds: 82_000, peakMemoryBytes: 900 << 20, isSaved: false)
            ),
            (
                "Thumbnails",
                AttemptUsage(
                    cpuMilliseconds: 30_000, wallMilliseconds: 21_000, peakMemoryBytes: 90 << 20, isSaved: true)
            ),
        ])
        return detail
    }

    /// A run list of a working day.
    var day: [RunDetail] {
        var details = [running, succeeded, failed]
        let rows: [(String, String, RunStatus, Double, Double, String?, String?)] = [
            ("Big Buck Bunny", "ingest", .succeeded, 11_200, 10_400, nil, nil),
            ("Nightly retraining", "retrain", .succeeded, 40_000, 38_800, nil, nil),
            (
                "Sintel", "ingest", .aborted, 52_000, 51_900, "Operator.Stopped",
                "Wrong cut uploaded, the right one follows."
            ),
            (
                "Tears of Steel", "ingest", .timedOut, 90_000, 75_600, "States.Timeout",
                "The execution took longer than 14400 s."
            ),
            ("Elephants Dream", "ingest", .succeeded, 180_000, 179_100, nil, nil),
        ]
        for (index, row) in rows.enumerated() {
            details.append(
                RunDetail(
                    run: view(
                        "0191f3\(index)0-0044-7b10-b6d0-44ce0155001\(index)", machine: row.1, title: row.0,
                        status: row.2, started: row.3, ended: row.4, error: row.5, cause: row.6),
                    input: Self.input, definition: Self.definition, states: []))
        }
        return details
    }

    var workers: [WorkerView] {
        let task = running
        return [
            WorkerView(
                name: "worker-1", incarnation: "7a1c8f20-11d2-4be2-9d31-000000000001", version: "0.1.0",
                steps: ["validate", "transcode", "thumbnail", "package"], slots: 2, lastSeenMicroseconds: ago(1),
                tasks: []),
            WorkerView(
                name: "worker-2", incarnation: "7a1c8f20-11d2-4be2-9d31-000000000002", version: "0.1.0",
                steps: ["validate", "transcode", "thumbnail", "package"], slots: 2, lastSeenMicroseconds: ago(42),
                tasks: [
                    WorkerTaskView(
                        execution: task.run.id, state: "Transcode", entry: 3, progress: task.progress.first?.progress)
                ]),
        ]
    }
}
