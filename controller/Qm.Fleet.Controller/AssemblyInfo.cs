using System.Runtime.Versioning;

// systemd, cgroups and Unix sockets: there is no other platform.
[assembly: SupportedOSPlatform("linux")]
