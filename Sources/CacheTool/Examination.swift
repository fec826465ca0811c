// `stats`, `inspect` and `verify`: what a region holds and whether it is sound, for people and for programs.
@unsafe @preconcurrency import Glibc
import ShmCache

struct Examination {
    private let command: String
    private let path: String
    private let json: Bool
    private var document = JSONObject()
    private var lines: [(String, String)] = []

    init(command: String, _ arguments: [String]) throws {
        var words = Words(arguments)
        json = words.flag("--json")
        path = try words.only("region file or the node's runtime directory")
        self.command = command
    }

    mutating func run() throws {
        let region = try RegionSource.open(path)
        addFigures(region)
        if command == "inspect" { addLayout(region) }
        var broken: [String] = []
        if command == "verify" {
            broken = region.checkInvariants()
            let damaged = region.damagedObjects()
            if damaged > 0 { broken.append("\(damaged) objects fail a checksum") }
            document.add("sound", broken.isEmpty)
            document.add("broken", strings: Array(broken.prefix(100)))
            lines.append(("verdict", broken.isEmpty ? "sound" : "\(broken.count) problems"))
            for line in broken.prefix(100) { lines.append(("", line)) }
        }
        try Terminal.say(json ? document.text : Columns.text(lines))
        if !broken.isEmpty { exit(1) }
    }

    private mutating func add(_ name: String, _ value: Int, _ title: String) {
        document.add(name, value)
        lines.append((title, "\(value)"))
    }

    private mutating func addFigures(_ region: borrowing CacheRegion) {
        let (statistics, bill) = (region.statistics(), region.accounting())
        add("regionBytes", bill.regionBytes, "bytes of the region")
        add("tableBytes", statistics.tableBytes, "bytes of its tables")
        add("objects", bill.objects, "objects")
        add("bodyBytes", bill.bodyBytes, "bytes of their bodies")
        add("storedBodyBytes", bill.storedBodyBytes, "bytes of their bodies as stored")
        add("itemBytes", bill.itemBytes, "bytes they take in segments")
        let perObject = bill.objects > 0 ? Double(bill.metadataBytes) / Double(bill.objects) : 0
        document.add("metadataBytesPerObject", perObject)
        lines.append(("metadata bytes per object", JSONObject.text(perObject)))
        add("unusedBytes", bill.unusedBytes, "bytes of segments with nothing live in them")
        add("segmentBytes", region.segmentSizeBytes, "bytes of a segment")
        add("segmentsFree", statistics.segmentsFree, "segments free")
        add("segmentsOpen", statistics.segmentsOpen, "segments open")
        add("segmentsSealed", statistics.segmentsSealed, "segments sealed")
        add("segmentsWhole", statistics.segmentsWhole, "segments of large objects")
        add("segmentsStaging", statistics.segmentsStaging, "segments of running fills")
        add("segmentsLimbo", statistics.segmentsLimbo + statistics.segmentsEvicting, "segments on their way to free")
        add("fillsRunning", statistics.fillsRunning, "fills running")
        add("fillsLingering", statistics.fillsLingering, "fills over and still read")
        add("lanesLive", statistics.lanesLive, "lanes held")
        add("lanesDead", statistics.lanesDead, "lanes of dead processes")
        add("committedObjects", Int(statistics.committedObjects), "objects ever stored")
        add("evictedObjects", Int(statistics.evictedObjects), "objects ever evicted")
        add("admittedBytes", Int(statistics.admittedBytes), "bytes ever admitted")
        add("writtenBytes", Int(statistics.writtenBytes), "bytes ever written to the log")
        addClasses(bill)
    }

    private mutating func addClasses(_ bill: RegionAccounting) {
        var classes: [JSONObject] = []
        for (i, figures) in bill.classes.enumerated() {
            classes.append(
                JSONObject([
                    ("class", i), ("objects", figures.objects), ("segments", figures.segments),
                    ("segmentsOpen", figures.segmentsOpen), ("writtenBytes", figures.writtenBytes),
                    ("liveBytes", figures.liveBytes), ("wholeSegments", figures.wholeSegments),
                    ("wholeBytes", figures.wholeBytes),
                ]))
            let live = figures.writtenBytes > 0 ? 100 * figures.liveBytes / figures.writtenBytes : 100
            lines.append(
                (
                    "size class \(i)",
                    "\(figures.objects) objects in \(figures.segments) segments (\(live) % live) "
                        + "and \(figures.wholeSegments) whole ones"
                ))
        }
        document.add("classes", list: classes)
    }

    private mutating func addLayout(_ region: borrowing CacheRegion) {
        var sections: [JSONObject] = []
        for section in region.layout() {
            var one = JSONObject()
            one.add("name", section.name)
            one.add("offset", section.offset)
            one.add("bytes", section.bytes)
            sections.append(one)
            lines.append(("section \(section.name)", "\(section.bytes) bytes at \(section.offset)"))
        }
        document.add("sections", list: sections)
        var lanes: [JSONObject] = []
        for lane in 0..<region.laneCount {
            var one = JSONObject([("lane", lane)])
            switch region.laneState(lane) {
            case .free: continue
            case .dead(let process):
                one.add("process", Int(process))
                one.add("state", "dead")
                lines.append(("lane \(lane)", "dead process \(process), to be recovered"))
            case .live(let process, let turn, let inTurn):
                one.add("process", Int(process))
                one.add("state", inTurn ? "in a turn" : "between turns")
                one.add("turns", Int(turn))
                lines.append(
                    ("lane \(lane)", "process \(process), \(turn) turns, \(inTurn ? "in one" : "between two")"))
            }
            lanes.append(one)
        }
        document.add("lanes", list: lanes)
    }
}
