using System.Collections.Immutable;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>Which signal it is.</summary>
internal readonly record struct SignalHeader(string Sender, string Path, string Interface, string Member);

/// <summary>A signal as it arrived.</summary>
internal sealed record BusSignal(SignalHeader Header, ImmutableArray<BusValue> Body)
{
    internal string Path => Header.Path;

    internal string Member => Header.Member;
}

/// <summary>Which signals are wanted; null leaves a part open.</summary>
/// <param name="Sender">A unique name, or org.freedesktop.DBus.</param>
/// <param name="Interface">The interface.</param>
/// <param name="Member">The signal.</param>
/// <param name="Path">The object.</param>
/// <param name="FirstArgument">The first argument, a string.</param>
/// <param name="Arguments">How many arguments are of interest, from the first one on; what nobody wants is not read.</param>
internal sealed record BusMatch(
    string? Sender = null, string? Interface = null, string? Member = null, string? Path = null, string? FirstArgument = null, int Arguments = int.MaxValue)
{
    /// <summary>The rule as the bus daemon takes it.</summary>
    internal string Rule => string.Join(',', new[]
    {
        "type='signal'", Part("sender", Sender), Part("interface", Interface), Part("member", Member), Part("path", Path), Part("arg0", FirstArgument),
    }.OfType<string>());

    /// <summary>Whether a signal is one of them; the daemon sends what any match of the connection asks for.</summary>
    internal bool Takes(BusSignal signal) => Takes(signal.Header) && (FirstArgument is null || (signal.Body is [BusValue.Text text, ..] && text.Value == FirstArgument));

    /// <summary>The same before the body was read.</summary>
    internal bool Takes(SignalHeader signal) =>
        (Member ?? signal.Member) == signal.Member
        && (Path ?? signal.Path) == signal.Path
        && (Interface ?? signal.Interface) == signal.Interface
        && (Sender ?? signal.Sender) == signal.Sender;

    private static string? Part(string name, string? value) => value is null ? null : $"{name}='{value}'";
}
