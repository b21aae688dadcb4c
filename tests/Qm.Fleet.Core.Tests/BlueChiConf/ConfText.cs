using CsCheck;

namespace Qm.Fleet.Core.Tests.BlueChiConf;

/// <summary>Configuration made of the pieces that BlueChi's parser treats in a way of their own.</summary>
internal static class ConfText
{
    private static readonly Gen<string> Piece = Gen.OneOf(
        Gen.OneOf("NodeName", "ControllerHost", "A", "=", ":", " ", "\t", ";", " ;", "#", "[", "]", "[bluechi-agent]", "[other]", "a", "b c", "\u00e4", "\r", ","),
        Gen.OneOf(new string('x', 49), new string('y', 60), new string('z', 200)));

    private static readonly Gen<string> Line = Gen.OneOf(
        Piece.Array[0, 5].Select(string.Concat),
        Gen.Select(Gen.OneOf("", " ", "\t"), Gen.OneOf("NodeName", "ControllerHost", "A", "B"), Gen.OneOf("=", " = ", ":"), Piece.Array[0, 3].Select(string.Concat))
            .Select((indent, key, separator, value) => indent + key + separator + value));

    /// <summary>A file; most have the section, some are damaged.</summary>
    internal static readonly Gen<string> File = Gen.Select(Gen.OneOf("[bluechi-agent]\n", "[bluechi-agent]\n", ""), Line.Array[0, 6])
        .Select((head, lines) => head + string.Join('\n', lines));
}
