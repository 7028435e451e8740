import Cryptography
public import Packaging
public import StepContracts

/// How a package is protected: key ids, and a way to their keys. Keys are asked for when they are used, and are never
/// part of a value that is described, logged or compared.
public struct ContentProtection: Sendable {
    public typealias Label = KeyLabel

    public struct KeyUse: Sendable, Hashable {
        public let keyID: KeyID
        /// Nil: whatever no labelled key is for.
        public let label: Label?
        /// What the pictures that it protects need of the way to a screen.
        public let outputLevel: OutputLevel?
        /// The constant vector of `cbcs` that the key's maker demands: 16 bytes.
        public let vector: [UInt8]?
        /// What the key's maker wants players to be told.
        public let signalling: [ProtectionSystem: SystemSignalling]?

        public init(
            keyID: KeyID, label: Label? = nil, outputLevel: OutputLevel? = nil, vector: [UInt8]? = nil,
            signalling: [ProtectionSystem: SystemSignalling]? = nil
        ) {
            self.keyID = keyID
            self.label = label
            self.outputLevel = outputLevel
            self.vector = vector
            self.signalling = signalling
        }
    }

    public let scheme: ProtectionScheme
    public let uses: [KeyUse]
    public let clearLeadSeconds: Int
    /// Gives the 16 bytes of a content key.
    let key: @Sendable (KeyID) throws(StepFailure) -> [UInt8]

    /// - Parameters:
    ///   - uses: one key for all without a label; two without labels protect pictures and sound, in this order.
    ///   - clearLeadSeconds: segments that begin before stay clear; 0 to 60.
    /// - Throws: `Showrunner.ParametersInvalid` with all that is wrong.
    public init(
        scheme: ProtectionScheme, uses: [KeyUse], clearLeadSeconds: Int = 0,
        key: @escaping @Sendable (KeyID) throws(StepFailure) -> [UInt8]
    ) throws(StepFailure) {
        var problems: [String] = []
        var uses = uses
        if uses.count == 2, uses.allSatisfy({ $0.label == nil }) {
            uses = zip(uses, [Label.video, .audio]).map { use, label in
                KeyUse(
                    keyID: use.keyID, label: label, outputLevel: use.outputLevel, vector: use.vector,
                    signalling: use.signalling)
            }
        }
        if uses.isEmpty { problems.append("protection needs at least one key") }
        if uses.count(where: { $0.label == nil }) > 1 {
            problems.append("several keys have no label: say which one is for audio, video, sd, hd or uhd")
        }
        for label in Label.allCases where uses.count(where: { $0.label == label }) > 1 {
            problems.append("several keys are labelled '\(label.rawValue)'")
        }
        if !(0...60).contains(clearLeadSeconds) {
            problems.append("a clear lead of \(clearLeadSeconds) s; 0 to 60 are packaged")
        }
        guard problems.isEmpty else { throw .parametersInvalid(problems.joined(separator: "; ")) }
        self.scheme = scheme
        self.uses = uses
        self.clearLeadSeconds = clearLeadSeconds
        self.key = key
    }

    private func use(for track: TrackDescription) throws(StepFailure) -> KeyUse {
        let wanted: [Label?] =
            switch track.media {
            case .audio: [.audio, nil]
            case .video(let picture): [KeyLabel(width: picture.width, height: picture.height), .video, nil]
            }
        for label in wanted {
            if let use = uses.first(where: { $0.label == label }) { return use }
        }
        throw .parametersInvalid("no key is for track '\(track.name)': label one for it, or leave one without a label")
    }

    /// The key's bytes, of the right length.
    func contentKey(_ keyID: KeyID) throws(StepFailure) -> [UInt8] {
        let key = try key(keyID)
        guard key.count == AES128.blockBytes else {
            throw .parametersInvalid("the key of \(keyID) has \(key.count) bytes, not \(AES128.blockBytes)")
        }
        return key
    }

    /// The vector a track begins with. It follows from key and content, so that equal input gives equal bytes, and
    /// under one key no two contents share a counter: a stream cipher would give both away.
    func protection(
        of track: TrackDescription, contentDigest: [UInt8]
    ) throws(StepFailure) -> TrackProtection {
        let use = try use(for: track)
        let message = Array("showrunner media vector 1 \(scheme.rawValue) \(track.name)\n".utf8) + contentDigest
        let code = HMACSHA256.code(message, key: try contentKey(use.keyID))
        return TrackProtection(
            scheme: scheme, keyID: use.keyID,
            vector: scheme == .cbcs ? use.vector ?? Array(code.prefix(16)) : Array(code.prefix(8)),
            outputLevel: use.outputLevel, signalling: use.signalling)
    }
}

/// Encrypts the samples of one track. Holds the key; lives as long as its track is written.
struct SampleCipher {
    private let key: [UInt8]
    private let protection: TrackProtection

    /// Nil for a clear track.
    init?(_ track: PackagedTrack, _ content: ContentProtection?) throws(StepFailure) {
        guard let protection = track.protection else { return nil }
        guard let content else { preconditionFailure("a protected track was laid out without protection") }
        self.protection = protection
        key = try content.contentKey(protection.keyID)
    }

    /// A sample's bytes as they go into its segment.
    /// - Parameters:
    ///   - place: the sample's, in its track.
    ///   - subsamples: what stays clear of it; nil where it is protected whole.
    func encrypt(
        _ sample: UnsafeRawBufferPointer, place: Int, subsamples: ArraySlice<Subsample>?
    ) -> [UInt8] {
        var bytes = Array(sample)
        let vector = protection.vector(ofSample: place)
        do {
            switch (protection.scheme, subsamples) {
            case (.cenc, nil): bytes = try AES128.counterMode(bytes, key: key, counter: vector)
            case (.cenc, .some(let parts)): try encryptInCounterMode(&bytes, parts, vector)
            case (.cbcs, nil):
                let whole = bytes.count - bytes.count % AES128.blockBytes
                let encrypted = try AES128.encryptBlockChain(Array(bytes[..<whole]), key: key, vector: vector)
                bytes.replaceSubrange(..<whole, with: encrypted)
            case (.cbcs, .some(let parts)): try encryptInPattern(&bytes, parts, vector)
            }
        } catch {
            preconditionFailure("lengths of keys, vectors and blocks are seen to: \(error)")
        }
        return bytes
    }

    /// The protected bytes of all subsamples are one stream (ISO/IEC 23001-7, 9.5.2).
    private func encryptInCounterMode(
        _ bytes: inout [UInt8], _ parts: ArraySlice<Subsample>, _ vector: [UInt8]
    ) throws(CryptoError) {
        var stream: [UInt8] = []
        stream.reserveCapacity(bytes.count)
        var place = 0
        for part in parts {
            place += Int(part.clear)
            stream += bytes[place..<place + Int(part.protected)]
            place += Int(part.protected)
        }
        let encrypted = try AES128.counterMode(stream, key: key, counter: vector)
        place = 0
        var taken = 0
        for part in parts where part.protected > 0 || part.clear > 0 {
            place += Int(part.clear)
            let length = Int(part.protected)
            bytes.replaceSubrange(place..<place + length, with: encrypted[taken..<taken + length])
            place += length
            taken += length
        }
    }

    /// Each subsample begins with the track's vector; its encrypted blocks are one chain over those left clear
    /// (ISO/IEC 23001-7, 9.6 and 10.4).
    private func encryptInPattern(
        _ bytes: inout [UInt8], _ parts: ArraySlice<Subsample>, _ vector: [UInt8]
    ) throws(CryptoError) {
        let block = AES128.blockBytes
        let step = (TrackProtection.encryptedBlocks + TrackProtection.skippedBlocks) * block
        var place = 0
        for part in parts {
            place += Int(part.clear)
            let end = place + Int(part.protected)
            let starts = stride(from: place, through: end - block, by: step)
            var chain: [UInt8] = []
            chain.reserveCapacity(Int(part.protected) / step * block + block)
            for start in starts { chain += bytes[start..<start + block] }
            if !chain.isEmpty {
                let encrypted = try AES128.encryptBlockChain(chain, key: key, vector: vector)
                for (index, start) in starts.enumerated() {
                    bytes.replaceSubrange(start..<start + block, with: encrypted[index * block..<(index + 1) * block])
                }
            }
            place = end
        }
    }
}
