@main struct MartletMain { static func main() {} }
