"""The words that the extension and the theme put on pages, in each language of the book."""

from __future__ import annotations

from nagcore.book.languages import CHINESE, ENGLISH, find_locale

WORDS: dict[str, dict[str, str]] = {
    ENGLISH.locale: {
        "minutes": "About {minutes} minutes to read.",
        "source": "Notebook",
        "executed": "notebook as run",
        "again": "Run this page with other parameters",
        "again_text": (
            "In a checkout of the repository, made as {} says, change any value in this command. "
            "What each parameter means stands in the first cells of the notebook."
        ),
        "cite": "Cite this page",
        "version": "Version {version}.",
        "version_at": "Version {version} ({commit}).",
        "versions": "Other versions",
        "pdf": "This book as PDF",
        "csv": "data (CSV)",
        "svg": "picture (SVG)",
        "png": "picture (PNG)",
        "record_heads": "record | question | device | made on, at commit",
        "toggle": "Pages of this part",
        "sidebar": "The book",
        "search": "Search this book...",
        "moves": " Paper holds a picture of it; the figure that can be moved is {}.",
        "site": "on the site",
    },
    CHINESE.locale: {
        "minutes": "阅读约需 {minutes} 分钟。",
        "source": "笔记本",
        "executed": "运行后的笔记本",
        "again": "换一组参数重新运行本页",
        "again_text": (
            "先按照 {} 取得代码仓库，再改动下面命令中的任何一个值。"
            "每个参数的含义写在笔记本开头的单元格里。"
        ),
        "cite": "引用本页",
        "version": "版本 {version}。",
        "version_at": "版本 {version}（{commit}）。",
        "versions": "其他版本",
        "pdf": "本书的 PDF",
        "csv": "数据 (CSV)",
        "svg": "图片 (SVG)",
        "png": "图片 (PNG)",
        "record_heads": "记录 | 问题 | 设备 | 日期与提交",
        "toggle": "本部分的页面",
        "sidebar": "全书",
        "search": "搜索本书",
        "moves": "纸上只有它的图片；可以操作的图在{}。",
        "site": "网站上",
    },
}

# What Sphinx and the theme say in English alone, or in the words of another place.
INTERFACE: dict[str, dict[str, str]] = {
    ENGLISH.locale: {},
    CHINESE.locale: {
        "Link to this heading": "链接到此标题",
        "Link to this image": "链接到此图",
        "Link to this code": "链接到此代码",
        "Link to this table": "链接到此表",
        "Link to this term": "链接到此术语",
        "Link to this definition": "链接到此定义",
        "Link to this toctree": "链接到此目录",
        "Permalink to this equation": "链接到此公式",
        "Link to this equation": "链接到此公式",
        "Color mode": "颜色模式",
        "System Settings": "跟随系统",
        "Toggle primary sidebar": "显示或隐藏全书目录",
        "Toggle secondary sidebar": "显示或隐藏本页目录",
        "Main": "全书目录",
        "Page": "本页目录",
        "Launch on Binder": "在 Binder 上运行",
        "Launch on Colab": "在 Colab 上运行",
        "Launch interactive content": "在线运行本页",
        "logo": "标志",
        "Source repositories": "代码仓库",
        "Source repository": "代码仓库",
        "Repository": "代码仓库",
        "Open issue": "创建议题",
        "Print to PDF": "打印为 PDF",
        "By %(author)s": "作者：%(author)s",
        "© Copyright %(copyright)s.": "© %(copyright)s",
    },
}


def say(language: str | None, key: str) -> str:
    """Return the words for `key` in a language of the book, English where it is none of them.

    Example:
        >>> say("zh_CN", "cite"), say(None, "cite")
        ('引用本页', 'Cite this page')
    """
    return WORDS[find_locale(language).locale][key]
