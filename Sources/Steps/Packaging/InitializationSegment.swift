/// The CMAF header of one track (ISO/IEC 23000-19, 7.3.1): `ftyp` and a `moov` without samples.
struct InitializationSegment {
    let track: TrackDescription
    /// Ticks of the track between decoding time zero and presentation time zero: what an edit list skips, for instance
    /// an AAC encoder's priming.
    let skippedTicks: Int64
    /// The end of the last sample, in ticks of the track from presentation time zero.
    let presentationEnd: Int64
    /// The size of the track's largest sample and its peak and average bit rates, for the decoder's buffer model.
    let largestSample: Int
    let peakBitRate: Int
    let averageBitRate: Int
    let protection: TrackProtection?
    /// Whether the first segments are clear and refer to a sample entry of their own.
    let hasClearLead: Bool

    private static let trackID: UInt32 = 1

    var bytes: [UInt8] {
        var file = BoxWriter(reserving: 1024)
        file.box("ftyp") { box in
            // cmf2: composition offsets without an edit list; a track that skips its start needs one.
            box.code(skippedTicks == 0 ? "cmf2" : "cmfc")
            box.u32(0)
            box.code("iso6")
            box.code("cmfc")
            if skippedTicks == 0 { box.code("cmf2") }
            box.code("dash")
        }
        file.box("moov") { moov in
            movieHeader(&moov)
            moov.box("trak") { trak in
                trackHeader(&trak)
                if skippedTicks > 0 { editList(&trak) }
                trak.box("mdia") { mdia in media(&mdia) }
            }
            moov.box("mvex") { mvex in
                mvex.fullBox("mehd", version: 1) { $0.u64(UInt64(presentationEnd)) }
                mvex.fullBox("trex") { box in
                    box.u32(Self.trackID)
                    box.u32(1)  // sample description index
                    box.zeros(12)  // durations, sizes and flags stand in the fragments
                }
            }
            if let protection {
                for system in protection.systemsInHeader { moov.raw(system.headerBox(of: [protection])) }
            }
        }
        return file.bytes
    }

    private func movieHeader(_ moov: inout BoxWriter) {
        moov.fullBox("mvhd") { box in
            // No times of the clock: equal input gives equal bytes.
            box.zeros(8)
            box.u32(UInt32(track.timeScale))
            box.u32(0)
            box.fixed16(1)
            box.u16(0x0100)
            box.zeros(10)
            box.identityMatrix()
            box.zeros(24)
            box.u32(Self.trackID + 1)
        }
    }

    private func trackHeader(_ trak: inout BoxWriter) {
        // Enabled, in the movie.
        trak.fullBox("tkhd", flags: 3) { box in
            box.zeros(8)
            box.u32(Self.trackID)
            box.zeros(4 + 4 + 8)
            box.u16(0)
            box.u16(0)
            switch track.media {
            case .video(let video):
                box.u16(0)
                box.u16(0)
                box.identityMatrix()
                box.fixed16(UInt16(video.displayWidth))
                box.fixed16(UInt16(video.height))
            case .audio:
                box.u16(0x0100)
                box.u16(0)
                box.identityMatrix()
                box.zeros(8)
            }
        }
    }

    private func editList(_ trak: inout BoxWriter) {
        trak.box("edts") { edts in
            edts.fullBox("elst", version: 1) { box in
                box.u32(1)
                box.u64(0)  // all that follows: the fragments' lengths are not known here (8.6.6.1)
                box.i64(skippedTicks)
                box.i16(1)
                box.i16(0)
            }
        }
    }

    private func media(_ mdia: inout BoxWriter) {
        mdia.fullBox("mdhd") { box in
            box.zeros(8)
            box.u32(UInt32(track.timeScale))
            box.u32(0)
            box.u16(track.language.packed)
            box.u16(0)
        }
        mdia.fullBox("hdlr") { box in
            box.u32(0)
            box.code(track.isVideo ? "vide" : "soun")
            box.zeros(12)
            box.zeroTerminated(track.isVideo ? "VideoHandler" : "SoundHandler")
        }
        mdia.box("minf") { minf in
            switch track.media {
            case .video: minf.fullBox("vmhd", flags: 1) { $0.zeros(8) }
            case .audio: minf.fullBox("smhd") { $0.zeros(4) }
            }
            minf.box("dinf") { dinf in
                dinf.fullBox("dref") { dref in
                    dref.u32(1)
                    dref.fullBox("url ", flags: 1) { _ in }  // the data is in this file
                }
            }
            minf.box("stbl") { stbl in
                stbl.fullBox("stsd") { stsd in
                    let entry = SampleEntry(
                        track: track, largestSample: largestSample, peakBitRate: peakBitRate,
                        averageBitRate: averageBitRate)
                    stsd.u32(hasClearLead ? 2 : 1)
                    entry.write(into: &stsd, protection: protection)
                    if hasClearLead { entry.write(into: &stsd) }
                }
                stbl.fullBox("stts") { $0.u32(0) }
                stbl.fullBox("stsc") { $0.u32(0) }
                stbl.fullBox("stsz") { $0.zeros(8) }
                stbl.fullBox("stco") { $0.u32(0) }
            }
        }
    }
}
