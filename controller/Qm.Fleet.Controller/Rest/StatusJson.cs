using System.Net.Mime;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;

namespace Qm.Fleet.Controller.Rest;

/// <summary>google.rpc.Status in JSON, its details by their names.</summary>
internal static class StatusJson
{
    /// <summary>What it is sent as.</summary>
    public const string MediaType = MediaTypeNames.Application.Json;

    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithTypeRegistry(Types));

    /// <summary>Whatever can be in the details of a status: what google.rpc has for it, and the API's own messages.</summary>
    public static TypeRegistry Types => TypeRegistry.FromFiles([ErrorDetailsReflection.Descriptor, .. ApiServices.All.Select(static service => service.File)]);

    /// <summary>The JSON of a status.</summary>
    public static string Format(Google.Rpc.Status status) => Formatter.Format(status);
}
