using Google.Protobuf;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>One thing that a watch tells.</summary>
/// <param name="Type">What happened.</param>
/// <param name="Name">Of the resource; empty for a bookmark.</param>
/// <param name="Resource">As it is now, or was last; null for a bookmark.</param>
/// <param name="Message">As the API sent it.</param>
/// <param name="ResumeToken">Where a watch goes on after it; empty where there is none.</param>
internal sealed record ResourceChange(ChangeType Type, string Name, IMessage? Resource, IMessage Message, string ResumeToken);
