using System.Text.Json.Serialization;

namespace Qm.Fleet.Controller.Rest;

/// <summary>Writes strings as JSON.</summary>
[JsonSerializable(typeof(string))]
internal sealed partial class JsonText : JsonSerializerContext;
