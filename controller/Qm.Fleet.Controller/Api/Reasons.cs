namespace Qm.Fleet.Controller.Api;

/// <summary>Why somebody asks for something, in their own words.</summary>
internal static class Reasons
{
    /// <summary>How many characters are kept.</summary>
    public const int Longest = 500;

    /// <summary>The text, if it is short enough to be kept.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: it is longer.</exception>
    public static string Check(string text) =>
        text.Length <= Longest ? text : throw Failures.Invalid("reason", $"it has {text.Length} characters; at most {Longest} are kept");
}
