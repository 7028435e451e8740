/// How a film's pictures were scanned, and so what makes whole pictures of them.
public enum Scan: Sendable, Hashable {
    /// Each coded picture is one moment.
    case progressive
    /// Each coded picture holds two moments, one in every other line; nil where the pictures themselves say which is
    /// the first.
    case interlaced(topFirst: Bool?)
    /// 24 pictures a second in 30 interlaced ones: of five, two hold fields of two (3:2 pulldown).
    case telecined

    /// `progressive`, `interlaced` or `telecined`.
    public var name: String {
        switch self {
        case .progressive: "progressive"
        case .interlaced: "interlaced"
        case .telecined: "telecined"
        }
    }

    /// `top` or `bottom`, where that was found out and the pictures do not say it.
    public var firstField: String? {
        if case .interlaced(let topFirst?) = self { return topFirst ? "top" : "bottom" }
        return nil
    }

    /// Reads what ``name`` and ``firstField`` gave; nil for any other name.
    public init?(name: String, firstField: String?) {
        switch name {
        case "progressive": self = .progressive
        case "interlaced": self = .interlaced(topFirst: firstField.map { $0 == "top" })
        case "telecined": self = .telecined
        default: return nil
        }
    }

    /// The filters that make whole pictures, in the library's filter language, one for each coded one; empty when they
    /// are whole. Telecined pictures become fewer: see ``pulldownRemoval``.
    public var filterText: String? {
        switch self {
        case .progressive, .telecined: nil
        // Pictures marked progressive pass.
        case .interlaced(nil): "bwdif=mode=send_frame:parity=auto:deint=interlaced"
        case .interlaced(let topFirst?): "bwdif=mode=send_frame:parity=\(topFirst ? "tff" : "bff"):deint=all"
        }
    }

    /// Puts the fields of telecined pictures together again, deinterlaces what does not fit, and leaves out every fifth.
    public static let pulldownRemoval = "fieldmatch,bwdif=mode=send_frame:parity=auto:deint=interlaced,decimate"
}

extension StreamInfo {
    /// What the file says of itself.
    public var declaredScan: Scan { isInterlaced ? .interlaced(topFirst: nil) : .progressive }

    /// Whether the pictures must be looked at to know how they were scanned: the file says that they hold fields, or
    /// says nothing and its codec may.
    public var hasDoubtfulScan: Bool {
        isInterlaced || fieldOrder == nil && !["vp8", "vp9", "av1", "hevc", "gif", "png"].contains(codec)
    }

    /// Whether the codec marks each picture that holds fields; of others only the pictures can tell.
    var marksFields: Bool {
        !["rawvideo", "ffv1", "huffyuv", "ffvhuff", "utvideo", "mjpeg", "v210", "v410", "jpeg2000", "magicyuv", "cfhd"]
            .contains(codec)
    }
}

/// Looks at a few hundred pictures to learn how a film was scanned: headers often say it wrongly.
public struct ScanAnalysis: Sendable, Hashable {
    /// Pictures found interlaced, by their first field, progressive, or too still to tell.
    public private(set) var topFirst = 0
    public private(set) var bottomFirst = 0
    public private(set) var progressive = 0
    public private(set) var undetermined = 0
    /// Pictures that repeat a field of the one before.
    public private(set) var repeated = 0
    /// Pictures that their decoder marks as interlaced.
    public private(set) var marked = 0

    /// Places looked at, in shares of the film, and pictures at each.
    private static let places = [0.0, 0.35, 0.7]
    private static let picturesAtEach = 60

    /// - Throws: ``MediaError`` where nothing can be decoded.
    public init(_ video: FileInspection.Video, path: String) throws(MediaError) {
        let isShort = video.frames <= ScanAnalysis.picturesAtEach * ScanAnalysis.places.count
        for share in isShort ? [0] : ScanAnalysis.places {
            let time = video.first + Int64(Double(video.last - video.first) * share)
            try add(
                video, path: path, from: share == 0 ? nil : time, isShort ? video.frames : ScanAnalysis.picturesAtEach)
        }
    }

    init(topFirst: Int, bottomFirst: Int, progressive: Int, undetermined: Int, repeated: Int, marked: Int) {
        self.topFirst = topFirst
        self.bottomFirst = bottomFirst
        self.progressive = progressive
        self.undetermined = undetermined
        self.repeated = repeated
        self.marked = marked
    }

    /// What the pictures say, or the file and its codec where they leave it open.
    public func verdict(on info: StreamInfo, rate: Rational) -> Scan {
        let interlaced = topFirst + bottomFirst
        let told = interlaced + progressive
        let all = told + undetermined
        let isDeclared = info.isInterlaced || marked > 0
        let declared: Scan = isDeclared ? .interlaced(topFirst: nil) : .progressive
        guard told >= 8, isDeclared || !info.marksFields else { return declared }
        let share = Double(interlaced) / Double(told)
        // Of five telecined pictures two repeat a field; of interlaced ones none does, and neither do still ones.
        if abs(rate.value - 30) < 0.05, Double(repeated) >= 0.25 * Double(all), share >= 0.15 { return .telecined }
        if isDeclared {
            // Coded as fields, shot as pictures: only where not a single one of many is torn.
            return interlaced == 0 && progressive >= 60 ? .progressive : declared
        }
        return share >= 0.9 && told * 2 >= all ? .interlaced(topFirst: topFirst >= bottomFirst) : .progressive
    }

    private mutating func add(
        _ video: FileInspection.Video, path: String, from time: Int64?, _ count: Int
    ) throws(MediaError) {
        let info = video.info
        let demuxer = try Demuxer(path: path)
        demuxer.select(streams: [info.index])
        if let time, try !demuxer.seek(stream: info.index, to: time) { return }
        let decoder = try Decoder(demuxer, stream: info, threads: 1, strictness: .tolerant)
        var graph: FilterGraph?
        var input: FilterGraph.Input?
        var taken = 0
        var markedHere = 0
        var notes: [String: Int] = [:]
        let look = { (frame: Frame?) throws(MediaError) in
            if let frame {
                guard taken < count else { return }
                taken += 1
                if frame.isInterlaced { markedHere += 1 }
                let form = FilterGraph.Input(pictures: frame, timeBase: info.timeBase)
                guard input == nil || input == form else { return }
                if graph == nil {
                    input = form
                    graph = try FilterGraph(form, "[source]idet[sink0]", sinks: 1, kind: .video, threads: 1)
                }
            }
            try graph?.filter(frame) { (_: Int, picture: Frame) throws(MediaError) in
                for name in ScanAnalysis.noteNames {
                    if let text = picture.note("lavfi.idet." + name), let value = Double(text) {
                        notes[name] = Int(value)
                    }
                }
            }
        }
        let packet = try Packet()
        var awaitsKeyframe = time != nil
        while taken < count, try demuxer.read(into: packet) {
            if awaitsKeyframe, !packet.isKeyframe { continue }
            awaitsKeyframe = false
            try decoder.decode(packet, look)
        }
        if taken < count { try decoder.decode(nil, look) }
        try look(nil)
        marked += markedHere
        topFirst += notes["multiple.tff"] ?? 0
        bottomFirst += notes["multiple.bff"] ?? 0
        progressive += notes["multiple.progressive"] ?? 0
        undetermined += notes["multiple.undetermined"] ?? 0
        repeated += (notes["repeated.top"] ?? 0) + (notes["repeated.bottom"] ?? 0)
    }

    private static let noteNames = [
        "multiple.tff", "multiple.bff", "multiple.progressive", "multiple.undetermined", "repeated.top",
        "repeated.bottom",
    ]
}
